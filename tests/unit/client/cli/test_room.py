"""The room for results."""

import errno
from pathlib import Path

import pytest

from biasfree_client._save import partial_prefix
from biasfree_client.cli.room import NoRoom, is_away, make_room, require_room
from tests.unit.client.conftest import FullDisk


def test_only_partial_files_of_the_same_result_are_removed(tmp_path):
    """Only partial files of this result are removed, even if its name has brackets."""
    target = tmp_path / "new" / "a[1].png"
    make_room(target)
    left, others = (target.parent / f"{partial_prefix(Path(name))}0f.partial" for name in ("a[1].png", "a1.png"))
    left.touch()
    others.touch()
    make_room(target)
    assert list(target.parent.iterdir()) == [others]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_is_told_from_other_obstacles(tmp_path, monkeypatch, code):
    """A file in place of the folder is for each result to find out."""
    image = tmp_path / "a.png"
    image.touch()
    require_room(image, tmp_path / "out" / "a.png")
    require_room(image, image / "a.png")
    disk = FullDisk(monkeypatch, code)
    with pytest.raises(NoRoom, match="out"):
        require_room(image, tmp_path / "out" / "a.png")
    disk.free()
    require_room(image, tmp_path / "out" / "a.png")
    assert [path.name for path in (tmp_path / "out").iterdir()] == []


def test_a_disk_without_room_for_the_image_is_full(tmp_path):
    """A sparse image is larger than any disk."""
    image = tmp_path / "a.png"
    with image.open("wb") as file:
        file.truncate(2**43)
    with pytest.raises(NoRoom, match="No space left"):
        require_room(image, tmp_path / "b.png")


def test_an_image_that_cannot_be_read_says_nothing_of_the_results():
    """Its disk may have a bad sector, for good."""
    image = Path("a.png")
    assert is_away(OSError(errno.ENOSPC, "full", "out/a.png"), image)
    for error in (OSError(errno.EIO, "bad", "a.png"), OSError(errno.EIO, "bad"), PermissionError(1, "", "out"), None):
        assert not is_away(error, image)
