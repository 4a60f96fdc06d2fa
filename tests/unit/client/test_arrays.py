"""Arrays, tensors and other objects that are arrays, and the cast to use for those that are not taken."""

import numpy as np
import pytest
import torch

from biasfree_client import Denoiser, UnsupportedImage
from biasfree_client._image import decode_array, encode

NOISY = np.random.default_rng(0).normal(0.5, 0.1, (6, 7)).astype(np.float32)


class Wrapped:
    """An object that converts itself to an array."""

    def __array__(self, dtype=None, copy=None):
        """Return the array."""
        return NOISY


@pytest.mark.parametrize(
    "image",
    [torch.from_numpy(NOISY), torch.from_numpy(NOISY).requires_grad_(), Wrapped(), memoryview(b"")],
    ids=["tensor", "tensor with gradients", "__array__", "bytes"],
)
def test_objects_that_are_arrays_are_taken(image):
    """Their result is an array. Bytes stay bytes, although they have a buffer."""
    body = encode(image)
    if isinstance(image, memoryview):
        assert body.kind.form == "bytes"
    else:
        np.testing.assert_array_equal(decode_array(body.content), NOISY)
        assert body.kind.form == "array"


@pytest.mark.parametrize(
    ("image", "cast"),
    [
        (np.ones((2, 2), bool), "image.astype(np.uint8) * 255"),
        (np.ones((2, 2), np.longdouble), "image.astype(np.float64)"),
        (np.ones((2, 2), complex), "np.abs(image)"),
        (torch.ones(2, 2, dtype=torch.bool), "np.asarray(image).astype(np.uint8) * 255"),
        (torch.ones(2, 2, dtype=torch.bfloat16), "image.float()"),
        (np.ma.masked_equal(np.zeros((2, 2)), 0), "image.filled(0)"),
    ],
)
def test_other_numbers_are_refused_with_the_cast_to_use(image, cast):
    """The cast works, and its result is taken."""
    with pytest.raises(UnsupportedImage) as refused:
        encode(image)
    assert cast in str(refused.value)
    encode(eval(cast, {"np": np, "image": image}))


def test_a_tensor_with_channels_first_is_not_taken_for_a_stack(service):
    """Its axes must be named."""
    denoiser = Denoiser(transport=service.transport)
    tensor = torch.zeros(3, 8, 9)
    with pytest.raises(UnsupportedImage, match="axes='CYX'"):
        denoiser.denoise(tensor)
    assert denoiser.denoise(tensor, axes="CYX").array.shape == (3, 8, 9)
    assert service.requests[-1].url.params["axes"] == "CYX"
