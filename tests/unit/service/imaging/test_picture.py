import pytest

from service.imaging import ImageFormat, with_frames
from service.imaging.picture import Picture
from tests.unit.service.imaging.samples import noise, picture


def test_new_frames_must_fit_the_old():
    """A picture cannot become inconsistent."""
    image = picture((4, 3, 4))
    assert with_frames(image, [image.frames[0] + 1]).alpha is image.alpha
    for frames in ([], [noise((3, 4, 3))], [noise((4, 3, 3), "float32")]):
        with pytest.raises(ValueError, match=r"must|shorter"):
            with_frames(image, frames)


@pytest.mark.parametrize("frames", [(), (noise((4, 3)),), (noise((4, 3, 1)), noise((4, 3, 3)))])
def test_a_picture_has_frames_of_one_kind(frames):
    """Nothing else can be built."""
    with pytest.raises(ValueError, match="must"):
        Picture(frames, (None,) * len(frames), ImageFormat.PNG)
