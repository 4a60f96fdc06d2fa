"""Which images a command was given."""

from pathlib import Path

import pytest

from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.sources import Selection


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """Images, and what is none, in folders; the working directory is there."""
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
    """Paths of a selection as they would be typed."""
    return [source.path.as_posix() for source in Selection(inputs, **options).find()]


def places(*inputs, **options) -> list[str]:
    """Where its results belong below their folder."""
    return [source.place.as_posix() for source in Selection(inputs, **options).find()]


def test_a_folder_is_its_images_in_order(tree):
    """Told by the ending, whatever its case; hidden files are left alone."""
    assert found(".") == ["a.TIF", "b.png", "c-denoised.png"]


def test_folders_below_are_searched_where_asked(tree):
    """And the results keep their shape."""
    assert places(".", recursive=True) == ["a.TIF", "b.png", "c-denoised.png", "sub/d.jpg", "sub/deep/e.npy"]
    assert places("sub", recursive=True) == ["d.jpg", "deep/e.npy"]


def test_results_that_lie_among_the_images_are_no_images(tree):
    """Neither by their folder nor by their name: the next run would denoise them again."""
    assert places(".", recursive=True, leave_out=Path("sub")) == ["a.TIF", "b.png", "c-denoised.png"]
    assert found(".", made="-denoised") == ["a.TIF", "b.png"]


def test_patterns_are_matched_here(tree):
    """A shell may not have done so; a result's place is below the part without wildcards."""
    assert found("*.png") == ["b.png", "c-denoised.png"]
    assert places("sub/**/*") == ["d.jpg", "deep/e.npy"]
    assert found(f"{tree}/sub/*.jp*g") == [f"{tree.as_posix()}/sub/d.jpg"]


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tree):
    """Once, however often it is named."""
    assert found("notes.txt", "b.png", "./b.png", str(tree / "b.png")) == ["notes.txt", "b.png"]


@pytest.mark.parametrize("text", ["nothing.png", "*.webp", "nowhere/*.png"])
def test_what_names_nothing_is_a_wrong_call(tree, text):
    """Said by its name."""
    with pytest.raises(UsageError, match=r"there is no such file|no image matches"):
        found(text)


def test_a_file_with_brackets_in_its_name_is_a_file(tree):
    """Before it is a pattern."""
    (tree / "scan[1].png").touch()
    assert found("scan[1].png") == ["scan[1].png"]
    assert Selection(["scan[1].png"]).single
    assert not Selection(["sub"]).single
