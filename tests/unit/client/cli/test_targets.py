"""The files that results are written to."""

import os
from pathlib import Path

import pytest

from biasfree_client._save import partial_prefix
from biasfree_client.cli.denoise import BESIDE, INSTEAD
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.names import SAME, Name
from biasfree_client.cli.sources import Source
from biasfree_client.cli.targets import Job, Placement, make_room


def target(output, *, place="sub/a.png", single=False, suffix=None, name=None) -> str:
    """Return the result of one image of the folder ``photos``."""
    placement = Placement.of(
        output, single=single, suffix=suffix, name=name or (BESIDE if output is None else Name(SAME))
    )
    (job,) = placement.jobs([Source(Path("photos") / place, Path(place))], overwrite=False)
    return job.target.as_posix()


def test_a_folder_of_results_has_the_shape_of_the_images():
    """The results have the requested suffix."""
    assert target("out") == "out/sub/a.png"
    assert target("out", suffix=".tiff") == "out/sub/a.tiff"


def test_one_image_may_become_a_named_file(tmp_path):
    """An existing folder, or a name with a trailing slash, is a folder instead."""
    assert target("clean.png", single=True) == "clean.png"
    assert target("clean/", single=True) == "clean/sub/a.png"
    assert target(str(tmp_path), single=True) == f"{tmp_path.as_posix()}/sub/a.png"


def test_without_an_output_results_lie_beside_their_images():
    """Their names have the mark."""
    assert target(None) == "photos/sub/a-denoised.png"
    assert target(None, suffix=".npy") == "photos/sub/a-denoised.npy"


def test_several_images_do_not_become_one_file(tmp_path):
    """A file in place of the folder is refused."""
    (tmp_path / "there.png").touch()
    with pytest.raises(UsageError, match="need a folder"):
        target(str(tmp_path / "there.png"))


def test_two_results_with_the_same_name_are_wrong_usage():
    """The second result would replace the first, or be skipped."""
    twins = [Source(Path("x/a.png"), Path("a.png")), Source(Path("y/a.png"), Path("a.png"))]
    with pytest.raises(UsageError, match=r"x/a\.png and y/a\.png would both become out/a\.png"):
        Placement(folder=Path("out")).jobs(twins, overwrite=True)
    lossy = [Source(Path("x/a.png"), Path("a.png")), Source(Path("x/a.jpg"), Path("a.jpg"))]
    with pytest.raises(UsageError, match="would both become"):
        Placement(folder=Path("out"), instead={".jpg": ".png"}).jobs(lossy, overwrite=True)


def test_an_image_replaces_itself_only_with_overwrite():
    """Without ``overwrite`` the image would count as its own result."""
    source = Source(Path("photos/a.png"), Path("a.png"))
    with pytest.raises(UsageError, match="would replace itself"):
        Placement(folder=Path("photos")).jobs([source], overwrite=False)
    (job,) = Placement(folder=Path("photos")).jobs([source], overwrite=True)
    assert job.target == job.source


def test_only_partial_files_of_the_same_result_are_removed(tmp_path):
    """Only partial files of this result are removed, even if its name has brackets."""
    target = tmp_path / "new" / "a[1].png"
    make_room(target)
    left, others = (target.parent / f"{partial_prefix(Path(name))}0f.partial" for name in ("a[1].png", "a1.png"))
    left.touch()
    others.touch()
    make_room(target)
    assert list(target.parent.iterdir()) == [others]


@pytest.mark.parametrize(
    ("name", "result"), [("a.heic", "a.png"), ("a.DNG", "a.tiff"), ("a.dcm", "a.tiff"), ("a.ppm", "a.ppm")]
)
def test_images_of_formats_that_are_only_read_get_another(name, result):
    """Camera raw files and DICOM hold more than PNG does."""
    (job,) = Placement(folder=Path("out"), instead=INSTEAD).jobs([Source(Path(name), Path(name))], overwrite=False)
    assert job.target == Path("out") / result


def test_a_pipe_is_never_done(tmp_path):
    """It gets the result again in each run."""
    os.mkfifo(tmp_path / "pipe")
    assert not Job(Path("a.png"), tmp_path / "pipe").done
    assert not Job(Path("a.png"), tmp_path / ("n" * 300)).done
