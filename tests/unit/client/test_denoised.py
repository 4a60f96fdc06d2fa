"""The result of a denoise call, and the headers it is read from."""

import numpy as np
import pytest
from httpx import Response

from biasfree_client import Denoised, Denoiser, Model, Noise, UnexpectedResponse, UnsupportedImage

PNG = b"\x89PNG\r\n\x1a\n an image"


def denoise(service, **options):
    """Send one call to the fake service."""
    with Denoiser(transport=service.transport) as denoiser:
        return denoiser.denoise(PNG, **options)


def test_result_carries_what_the_headers_say(service):
    """Model, request, estimates and timings are read from the documented headers."""
    result = denoise(service, estimate=True)

    assert result.content == PNG
    assert result.media_type == "image/png"
    assert result.model == Model("gray", version="1", sha256="ab" * 32)
    assert result.request_id == "r-1"
    assert (result.sigma, result.estimated_psnr) == (24.6, 30.12)
    assert result.timing == {"decode": 1.5, "queue": 0.0, "infer": 20.25, "encode": 2.0}


def test_the_noise_is_read_from_its_header(service):
    """Kind, numbers and description are read; missing numbers are None."""
    noise = denoise(service, estimate=True).noise

    assert noise == Noise("white", 24.6, -0.01, None, None, 0.0, "white noise, level 24.6")
    assert noise.white is True
    assert str(noise) == "white noise, level 24.6"


def test_what_the_service_assumed_is_a_warning(service):
    """Nobody reads an attribute that is nearly always None."""
    headers = {"Content-Type": "image/png", "X-Warning": "read as a stack; name its axes to be sure"}
    service.answer = lambda _: Response(200, content=PNG, headers=headers)

    with pytest.warns(UserWarning, match="name its axes"), Denoiser(transport=service.transport) as denoiser:
        result = denoiser.denoise(np.ones((3, 4, 5)))

    assert result.warning == headers["X-Warning"]


@pytest.mark.parametrize(("kind", "white"), [("correlated", False), ("little", None), ("of the future", None)])
def test_a_withheld_psnr_has_its_reason(service, kind, white):
    """The PSNR is None then, and unknown kinds of noise are accepted."""
    headers = {"Content-Type": "image/png", "X-Noise": f"{kind}; level=9", "X-Estimated-PSNR-Withheld": "a reason"}
    service.answer = lambda _: Response(200, content=PNG, headers=headers)

    result = denoise(service, estimate=True)

    assert (result.estimated_psnr, result.estimated_psnr_withheld) == (None, "a reason")
    assert (result.noise.kind, result.noise.level, result.noise.white) == (kind, 9.0, white)


def test_estimates_are_absent_unless_asked_for(service):
    """Without estimate=True all estimates are None."""
    result = denoise(service)

    assert result.sigma is None
    assert result.noise is None
    assert result.estimated_psnr is None


def test_headers_may_be_missing(service):
    """A proxy that drops headers costs only the facts, not the image."""
    service.answer = lambda _: Response(200, content=PNG, headers={"Content-Type": "image/png"})

    result = denoise(service)

    assert (result.content, result.model, result.request_id, result.timing) == (PNG, None, None, {})


def test_timings_of_a_proxy_do_no_harm(service):
    """Server-Timing entries without a duration are ignored."""
    headers = {"Content-Type": "image/png", "Server-Timing": 'cache;desc="HIT", infer;dur=2;desc="x"'}
    service.answer = lambda _: Response(200, content=PNG, headers=headers)

    assert denoise(service).timing == {"infer": 2.0}


@pytest.mark.parametrize("header", ["X-Sigma-Estimate", "X-Estimated-PSNR"])
def test_a_header_that_is_not_a_number_is_an_unexpected_response(service, header):
    """The error names the header that breaks the contract."""
    service.answer = lambda _: Response(200, content=PNG, headers={"Content-Type": "image/png", header: "high"})

    with pytest.raises(UnexpectedResponse, match=f"{header} must be a number, not 'high'"):
        denoise(service)


@pytest.mark.parametrize(
    ("status", "media_type"), [(200, "text/html"), (200, "application/json"), (204, "image/png"), (302, "text/html")]
)
def test_an_answer_of_another_type_is_an_unexpected_response(service, status, media_type):
    """Another status or media type, such as a login page, is refused."""
    service.answer = lambda _: Response(status, content=b"<html>", headers={"Content-Type": media_type})

    with pytest.raises(UnexpectedResponse, match=f"{status} with {media_type} instead of 200"):
        denoise(service)


def test_a_damaged_file_is_an_unexpected_response(service):
    """Content that is not the PNG it claims to be has no pixels."""
    with pytest.raises(UnexpectedResponse, match="incomplete image/png"):
        _ = denoise(service).array


def test_pickled_answer_is_refused():
    """An answer never runs code on this machine."""
    pickled = np.lib.format.magic(1, 0) + b"\x46\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(72)
    result = Denoised(pickled, "application/x-npy")

    with pytest.raises(UnexpectedResponse):
        _ = result.array


def test_truncated_array_is_an_unexpected_response():
    """An incomplete array is refused."""
    with pytest.raises(UnexpectedResponse, match="Not an array"):
        _ = Denoised(b"\x93NU", "application/x-npy").array


def test_save_writes_the_content(tmp_path):
    """The file is the answer, byte for byte, and no other file is left in the folder."""
    written = Denoised(PNG, "image/png").save(tmp_path / "clean.png")

    assert written.read_bytes() == PNG
    assert list(tmp_path.iterdir()) == [tmp_path / "clean.png"]


def test_save_keeps_an_existing_file(tmp_path):
    """An existing file is kept unless overwrite is set."""
    path = tmp_path / "clean.png"
    path.write_bytes(b"precious")

    with pytest.raises(FileExistsError, match=r"clean\.png"):
        Denoised(PNG, "image/png").save(path)
    assert path.read_bytes() == b"precious"

    Denoised(PNG, "image/png").save(str(path), overwrite=True)
    assert path.read_bytes() == PNG


def test_save_that_fails_leaves_nothing(tmp_path):
    """If a folder is in the way, an error is raised and no partial file is left."""
    (tmp_path / "clean.png").mkdir()

    with pytest.raises(OSError, match=r"clean\.png"):
        Denoised(PNG, "image/png").save(tmp_path / "clean.png", overwrite=True)
    assert list(tmp_path.iterdir()) == [tmp_path / "clean.png"]


def test_save_replaces_a_file_instead_of_writing_into_it(tmp_path):
    """The old file stays unchanged for readers that have it open."""
    path, same = tmp_path / "clean.png", tmp_path / "same.png"
    path.write_bytes(b"old")
    same.hardlink_to(path)

    Denoised(PNG, "image/png").save(path, overwrite=True)

    assert (path.read_bytes(), same.read_bytes()) == (PNG, b"old")


@pytest.mark.parametrize("name", ["result.tiff", "result.NPY", "result.jpg"])
def test_a_file_is_not_named_after_another_kind(service, tmp_path, name):
    """A suffix of another format is refused; names without a suffix are accepted."""
    result = denoise(service)
    with pytest.raises(UnsupportedImage, match="image/png"):
        result.save(tmp_path / name)
    assert not (tmp_path / name).exists()
    for fitting in ("result.PNG", "result"):
        assert result.save(tmp_path / fitting).read_bytes() == PNG
