"""The images that a command works on, and files that arrive while it watches."""

from pathlib import Path

import pytest

from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.sources import Arrivals, Selection, Source, stamp_of


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """Make folders with images and other files, and change to them."""
    for name in (
        "b.png",
        "a.TIF",
        "notes.txt",
        ".hidden.png",
        "c-denoised.png",
        "sub/d.jpg",
        "sub/deep/e.npy",
        ".git/f.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*inputs, **options) -> list[str]:
    """Return the paths of a selection."""
    return [source.path.as_posix() for source in Selection(inputs, **options).find()]


def places(*inputs, **options) -> list[str]:
    """Return the places of the results below their folder."""
    return [source.place.as_posix() for source in Selection(inputs, **options).find()]


def test_a_folder_is_its_images_in_order(tree):
    """Suffixes are compared without case, and hidden files are skipped."""
    assert found(".") == ["a.TIF", "b.png", "c-denoised.png"]


def test_subfolders_are_searched_if_recursive(tree):
    """The results keep the shape of the tree."""
    assert places(".", recursive=True) == ["a.TIF", "b.png", "c-denoised.png", "sub/d.jpg", "sub/deep/e.npy"]
    assert places("sub", recursive=True) == ["d.jpg", "deep/e.npy"]


def test_results_among_the_images_are_skipped(tree):
    """They are skipped by folder or name, so that the next run does not denoise them again."""
    assert places(".", recursive=True, leave_out=Path("sub")) == ["a.TIF", "b.png", "c-denoised.png"]
    assert found(".", made="-denoised") == ["a.TIF", "b.png"]


def test_patterns_are_matched_here(tree):
    """A pattern the shell left alone works; places are relative to its part without wildcards."""
    assert found("*.png") == ["b.png", "c-denoised.png"]
    assert places("sub/**/*") == ["d.jpg", "deep/e.npy"]
    assert found(f"{tree}/sub/*.jp*g") == [f"{tree.as_posix()}/sub/d.jpg"]


def test_a_named_file_is_taken_whatever_its_suffix(tree):
    """It is taken once, however often it is named."""
    assert found("notes.txt", "b.png", "./b.png", str(tree / "b.png")) == ["notes.txt", "b.png"]


@pytest.mark.parametrize("text", ["nothing.png", "*.webp", "nowhere/*.png"])
def test_an_input_that_matches_nothing_is_wrong_usage(tree, text):
    """The error names the input."""
    with pytest.raises(UsageError, match=r"no such file|no image matches"):
        found(text)


def test_a_file_with_brackets_in_its_name_is_a_file(tree):
    """An existing file takes precedence over a pattern."""
    (tree / "scan[1].png").touch()
    assert found("scan[1].png") == ["scan[1].png"]
    assert Selection(["scan[1].png"]).single
    assert not Selection(["sub"]).single


A, B = (Source(Path(name), Path(name)) for name in ("a.png", "b.png"))


class Disk:
    """A disk of files with given stamps."""

    def __init__(self, **stamps):
        self.stamps = {Path(f"{name}.png"): (0, size) for name, size in stamps.items()}

    def look(self, path):
        """Return the stamp of a file."""
        return self.stamps.get(path)


def test_a_file_is_ready_when_it_is_unchanged_between_two_looks():
    """It is returned once."""
    arrivals = Arrivals(Disk(a=10).look)
    assert [arrivals.ready([A]) for _ in range(4)] == [[], [A], [], []]


def test_a_file_that_grows_is_not_ready():
    """It becomes ready when it stops growing."""
    disk = Disk(a=1)
    arrivals = Arrivals(disk.look)
    for size in (1, 2, 3):
        disk.stamps[A.path] = (0, size)
        assert arrivals.ready([A]) == []
    assert arrivals.ready([A]) == [A]


def test_a_file_that_changed_is_returned_again():
    """A photograph that was saved again is returned again."""
    disk = Disk(a=1, b=1)
    arrivals = Arrivals(disk.look)
    arrivals.ready([A, B])
    assert arrivals.ready([A, B]) == [A, B]
    disk.stamps[B.path] = (5, 1)
    assert [arrivals.ready([A, B]), arrivals.ready([A, B])] == [[], [B]]


def test_a_file_that_vanished_is_ignored():
    """A file may vanish between the listing and the look."""
    arrivals = Arrivals(Disk().look)
    assert [arrivals.ready([A]), arrivals.ready([A])] == [[], []]


def test_stamps_are_those_of_the_disk(tmp_path):
    """A stamp has the size; a missing file has no stamp."""
    (tmp_path / "a").write_bytes(b"123")
    assert stamp_of(tmp_path / "a")[1] == 3
    assert stamp_of(tmp_path / "b") is None
