"""The page of the photographs' authors and licenses."""

import re
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.cli import app
from training.data.attribution import FREE, SITE, TERMS, attribution, summarized, terms_of
from training.data.photos import list_sha256, read_photos

DOCUMENT = Path(__file__).parents[4] / "docs" / "attribution.md"


def table(heading: str) -> list[list[str]]:
    """Return the cells of the page's table with this heading."""
    rows = attribution().partition(f"\n{heading}\n")[2].partition("\n\n")[0].splitlines()[1:]
    return [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in rows]


def test_the_document_is_in_step_with_the_list(tmp_path: Path) -> None:
    """``python -m training attribution --output docs/attribution.md`` was run after the last change."""
    page = tmp_path / "page.md"
    result = CliRunner().invoke(app, ["attribution", "--output", str(page)])
    assert result.exit_code == 0, result.output
    assert DOCUMENT.read_bytes() == page.read_bytes()
    assert list_sha256() in DOCUMENT.read_text(encoding="utf-8")


def test_every_photograph_has_a_row_with_all_four_cells() -> None:
    """They are file, author, license in the source's spelling, and source."""
    rows = {cells[0]: cells for cells in table("| file | author | license | source |")}
    photos = read_photos()
    assert len(rows) == len(photos)
    for photo in photos:
        _, author, licence, source = rows[photo.file]
        assert re.sub(r"\\(.)", r"\1", author) == (photo.author or "not stated")
        assert re.sub(r"\\(.)", r"\1", licence) == photo.licence
        assert photo.collection in source


def test_the_summary_counts_every_photograph_once() -> None:
    """Both tables do, by license and by terms."""
    count = len(read_photos())
    licenses = table("| license | terms | photographs |")
    assert sum(int(cells[2]) for cells in licenses) == count
    by_terms = Counter()
    for _, terms, number in licenses:
        by_terms[terms] += int(number)
    assert by_terms == {terms: int(number) for terms, number in table("| terms | photographs |")}
    assert sum(by_terms.values()) == count


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("CC-BY-SA 4.0", "CC BY-SA 4.0"),
        ("CC BY 3.0", "CC BY 3.0"),
        ("CC0-1.0", "CC0 1.0"),
        ("CC BY-SA 3.0 or GFDL", "CC BY-SA 3.0 or GFDL"),
        ("CC-BY-NC-4.0", "CC-BY-NC-4.0"),
    ],
)
def test_only_spellings_are_unified(spelling: str, name: str) -> None:
    """Another license keeps its own name."""
    assert summarized(spelling) == name


def test_license_whose_terms_are_unknown_is_refused() -> None:
    """Nothing counts as allowed before somebody has checked it."""
    with pytest.raises(ValueError, match=r"CC-BY-NC-4\.0"):
        terms_of("CC-BY-NC-4.0")
    assert not any("NC" in name or "ND" in name for name in TERMS)


def test_photographs_without_an_author_ask_for_no_credit() -> None:
    """The page says so."""
    assert {terms_of(photo.licence) for photo in read_photos() if not photo.author} <= {FREE, SITE}


def test_lines_of_prose_are_short() -> None:
    """They have at most 120 columns; rows of tables may be longer."""
    assert [line for line in attribution().splitlines() if len(line) > 120 and not line.startswith("|")] == []
