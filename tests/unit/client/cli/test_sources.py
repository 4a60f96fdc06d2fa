"""The images that a command works on."""

import os
import tempfile
from pathlib import Path

import pytest

from biasfree_client.cli.denoise import BESIDE
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.names import Name
from biasfree_client.cli.options import Files
from biasfree_client.cli.sources import Selection


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
    return [source.path.as_posix() for source in Selection(inputs, **options).find().sources]


def places(*inputs, **options) -> list[str]:
    """Return the places of the results below their folder."""
    return [source.place.as_posix() for source in Selection(inputs, **options).find().sources]


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
    assert found(".", made=(BESIDE,)) == ["a.TIF", "b.png"]


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


def test_a_missing_file_is_a_single_one(tree):
    """The error is then that it is missing, and not that several images need a folder."""
    assert Selection(["missing.png"]).single
    assert not Selection(["missing*.png"]).single
    assert not Selection(["missing.png", "missing.jpg"]).single


def passed(*inputs, **options) -> dict[str, str]:
    """Return what a selection passes over, with the reason."""
    return {each.path.as_posix(): each.reason for each in Selection(inputs, **options).find().passed}


def test_what_is_passed_over_is_known_with_its_reason(tree):
    """Nothing is left out in silence."""
    (tree / "x.png").symlink_to("/dev/null")
    assert passed(".", made=(BESIDE,)) == {
        "notes.txt": "not an image", ".hidden.png": "hidden", "sub": "a folder", "x.png": "not a regular file",
        "c-denoised.png": "an earlier result",
    }  # fmt: skip
    assert passed("*", made=(BESIDE,))["notes.txt"] == "not an image"


def test_a_glob_that_the_shell_expanded_does_not_give_earlier_results(tree):
    """A result named alone is taken."""
    (tree / "b-denoised.png").touch()
    assert found("b.png", "b-denoised.png", made=(BESIDE,)) == ["b.png"]
    assert passed("b.png", "b-denoised.png", made=(BESIDE,)) == {"b-denoised.png": "an earlier result"}
    assert found("b-denoised.png", made=(BESIDE,)) == ["b-denoised.png"]
    assert found("b.png", "c-denoised.png", made=(BESIDE,)) == ["b.png", "c-denoised.png"]
    (tree / "b.png-denoised.tiff").touch()
    assert found("b.png", "b.png-denoised.tiff", made=(BESIDE,)) == ["b.png"]
    (tree / "x_b.png").touch()
    assert found("b.png", "x_b.png", made=(Name("x_{stem}{suffix}"),)) == ["b.png"]


def test_results_in_their_folder_are_not_taken_with_the_images(tree):
    """Also if the shell named them; but a folder may be replaced as a whole."""
    assert found("b.png", "sub/d.jpg", leave_out=Path("sub")) == ["b.png"]
    assert found("sub/d.jpg", leave_out=Path("sub")) == ["sub/d.jpg"]
    assert found("sub/*.jpg", leave_out=Path("sub")) == ["sub/d.jpg"]
    assert found("sub", leave_out=Path("sub"), recursive=True) == ["sub/d.jpg", "sub/deep/e.npy"]
    assert found("sub", leave_out=Path(), recursive=True) == ["sub/d.jpg", "sub/deep/e.npy"]


def test_each_folder_is_searched_once_whatever_links_lead_to_it(tree):
    """Links to the folder itself, to its parent, to each other and to a folder outside."""
    outside = tree.parent / "outside"
    outside.mkdir()
    (outside / "o.png").touch()
    (tree / "sub" / "again").symlink_to(tree / "sub")
    (tree / "sub" / "up").symlink_to(tree)
    (tree / "a-link").symlink_to("sub")
    (tree / "z-link").symlink_to(outside)
    (outside / "back").symlink_to(tree)
    (tree / "loop").symlink_to("loop")
    assert places(".", recursive=True) == [
        "a.TIF", "b.png", "c-denoised.png", "sub/d.jpg", "sub/deep/e.npy", "z-link/o.png"
    ]  # fmt: skip
    assert places("sub", ".", recursive=True)[:2] == ["d.jpg", "deep/e.npy"]
    assert found("sub", "a-link", "sub/again") == ["sub/d.jpg"]


@pytest.fixture
def as_nobody():
    """Give up the rights of the superuser, who may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def locked():
    """Return a folder with an image, a folder that nobody may read, and a link to nothing."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "a.png").touch()
        (folder / "locked").mkdir()
        (folder / "locked" / "b.png").touch()
        (folder / "locked").chmod(0)
        (folder / "nothing.png").symlink_to("nowhere.png")
        yield folder
        (folder / "locked").chmod(0o755)


def test_an_unreadable_folder_is_a_trouble_and_the_rest_is_found(locked, as_nobody):
    """A link to nothing is found too, so that it is reported when it is read."""
    search = Selection([str(locked)], recursive=True).find()
    assert [source.path.name for source in search.sources] == ["a.png", "nothing.png"]
    assert list(search.troubles) == [locked / "locked"]
    named = Selection([str(locked / "locked" / "b.png"), str(locked / "a.png")]).find()
    assert [source.path.name for source in named.sources] == ["b.png", "a.png"]


def test_an_input_that_is_gone_may_come_back(tree):
    """Then it is a trouble instead of wrong usage; a pattern that matches nothing is neither."""
    assert Selection(["gone"]).find(waiting=True).troubles.keys() == {Path("gone")}
    assert not Selection(["*.webp"]).find(waiting=True).troubles


@pytest.mark.parametrize("output", [None, "out"])
def test_marked_results_are_passed_over_wherever_the_results_of_this_run_go(tree, output):
    """Otherwise a second run with another output would denoise the results of the first."""
    selection = Files(output=output).selection(["."], beside=BESIDE)
    assert [str(each.path) for each in selection.find().sources] == ["a.TIF", "b.png"]


def test_results_of_an_earlier_run_under_the_default_name_are_no_images(tree):
    """A second run with --name took c-denoised.png for an image."""
    files = Files(name="{stem}-clean{suffix}")
    selection = files.selection(["*.png"], beside=BESIDE)
    found_now = selection.find()
    assert [source.path.name for source in found_now.sources] == ["b.png"]
    assert Path("c-denoised.png") in [each.path for each in found_now.passed if each.reason == "an earlier result"]
