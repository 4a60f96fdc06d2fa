"""The measurements in README.md, written by a command."""

import re
from pathlib import Path

import pytest

from tests.unit.training.fit.runs import write_photographs
from training.evaluate.readme import readme

ROOT = Path(__file__).parents[4]
README, QUALITY = (ROOT / "README.md").read_text(), ROOT / "docs" / "quality.md"
#: The measurements of the example, which depend on a photograph that is not in the repository.
EXAMPLE = re.compile(
    r"(?:(?<=x-sigma-estimate: )|(?<=x-estimated-psnr: )|(?<=the result is )|(?<=`model=gray-best` it is ))[\d.]+\d"
    r"|(?<=x-noise: ).*"
)


@pytest.fixture
def image(tmp_path) -> Path:
    """Return a small photograph."""
    return next(write_photographs(tmp_path / "photographs", 1, side=64).iterdir())


def write(tmp_path: Path, text: str) -> Path:
    """Write a page."""
    page = tmp_path / "README.md"
    page.write_text(text)
    return page


def test_every_wrong_number_of_the_readme_is_put_right(tmp_path, image):
    """The command restores both tables, and the version and digest of the example."""
    numbers = r"(?<=\| )[\d,]+(?= \|)|\d\d\.\d\d(?=\** \|)|(?<=version=)\d+|(?<=sha256=)\w+"
    wrong = re.sub(numbers, "9", README)
    assert wrong.count("| 9 ") > 50
    assert "version=9; sha256=9" in wrong
    page = write(tmp_path, wrong)
    readme(page, quality=QUALITY, image=image)
    assert EXAMPLE.sub("", page.read_text()) == EXAMPLE.sub("", README)


def test_the_example_is_measured_on_the_photograph(tmp_path, image):
    """Another photograph gives other numbers, of the same noise."""
    page = write(tmp_path, README)
    readme(page, quality=QUALITY, image=image)
    before, after = (dict(enumerate(EXAMPLE.findall(text))) for text in (README, page.read_text()))
    assert before.keys() == after.keys()
    assert all(before[place] != after[place] for place in (2, 3, 4))
    assert abs(float(after[0]) - 25) < 4


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("| `gray-fast` |", "| `gray-slow` |", "one row for each of"),
        ("| model | use it for |", "| network | use it for |", "no table begins with"),
        ("The PSNR of the result is", "Its PSNR is", "the example has 0 places"),
    ],
)
def test_a_page_that_does_not_fit_is_refused_and_kept(tmp_path, image, old, new, problem):
    """A row, table or sentence that is missing is named."""
    text = README.replace(old, new)
    page = write(tmp_path, text)
    with pytest.raises(ValueError, match=problem):
        readme(page, quality=QUALITY, image=image)
    assert page.read_text() == text


def test_a_row_of_other_noise_more_or_less_is_refused(tmp_path, image):
    """The rows are known by their place."""
    page = write(tmp_path, re.sub(r"^\| fluorescence.*\n", "", README, flags=re.MULTILINE))
    with pytest.raises(ValueError, match="must have 5 rows, not 4"):
        readme(page, quality=QUALITY, image=image)


def test_a_case_that_was_not_measured_is_named(tmp_path, image):
    """A page of measurements without real pairs does not do."""
    quality = tmp_path / "quality.md"
    quality.write_text(re.sub(r"^\| polyu.*\n", "", QUALITY.read_text(), flags=re.MULTILINE))
    with pytest.raises(ValueError, match="no row for polyu"):
        readme(write(tmp_path, README), quality=quality, image=image)
