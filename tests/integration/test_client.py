"""The SDK against the real service."""

import numpy as np
import pytest
from PIL import Image

import biasfree_client
from biasfree_client._errors import BY_TYPE
from service.routes.problems import INTERNAL, KINDS, ROUTER
from tests.integration.images import photograph, psnr, with_noise


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float16", "float32", "float64"])
def test_an_array_comes_back_denoised_in_its_dtype_and_shape(server, dtype):
    """Every dtype that is served."""
    clean = photograph(96)
    white = {"uint8": 255, "uint16": 65535, "int16": 4095}.get(dtype, 1)
    noisy = np.clip(with_noise(clean, 25), 0, 1) * white
    noisy = (np.rint(noisy) if white > 1 else noisy).astype(dtype)
    with biasfree_client.Denoiser(server) as denoiser:
        result = denoiser.denoise(noisy, estimate=True)
    assert result.array.dtype == noisy.dtype
    assert result.array.shape == noisy.shape
    assert psnr(clean, result.array / white) > psnr(clean, noisy / white) + 5
    assert result.model.name == "gray"
    assert result.sigma > 0
    assert set(result.timing) == {"decode", "queue", "infer", "encode"}


def test_a_file_comes_back_as_the_same_kind_of_file(server, tmp_path):
    """A PNG is answered with a PNG."""
    noisy = np.rint(255 * np.clip(with_noise(photograph(64, channels=3), 25), 0, 1)).astype(np.uint8)
    Image.fromarray(noisy).save(tmp_path / "noisy.png")
    with biasfree_client.Denoiser(server) as denoiser:
        denoiser.denoise(tmp_path / "noisy.png").save(tmp_path / "clean.png")
    with Image.open(tmp_path / "clean.png") as clean:
        assert clean.format == "PNG"
        assert clean.size == (64, 64)


def test_a_refusal_is_the_exception_of_its_kind(server):
    """With the service's own words and numbers."""
    with (
        biasfree_client.Denoiser(server) as denoiser,
        pytest.raises(biasfree_client.UnknownModel, match="no model is called 'none'") as refusal,
    ):
        denoiser.denoise(np.ones((4, 4), np.uint8), model="none")
    assert "gray" in refusal.value.document["supported"]


def test_every_problem_the_service_can_send_has_an_exception():
    """The service's own list is the client's."""
    sent = {kind.type.rpartition(":")[2] for kind in (*KINDS.values(), *ROUTER.values(), INTERNAL)}
    assert sent <= set(BY_TYPE)
