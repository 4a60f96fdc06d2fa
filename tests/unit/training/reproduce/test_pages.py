"""Tables of the pages."""

import io

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from rich.console import Console

from training.reproduce.pages import Page, Sheet


def test_a_sheet_is_the_same_printed_and_written():
    """Every cell is there, in its order."""
    sheet = Sheet("Title", ("a", "b"), (("1", "2"), ("3", "")))
    assert sheet.markdown() == "**Title**\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 |  |\n"
    table = sheet.table()
    assert (table.title, table.row_count, [column.header for column in table.columns]) == ("Title", 2, ["a", "b"])


@pytest.mark.parametrize("columns", [2, 12])
def test_a_sheet_is_whole_in_eighty_columns(columns):
    """It is a table if it fits, and Markdown if cells would be cut."""
    printed = io.StringIO()
    sheet = Sheet(
        "Title", ("level", *(f"{n}" for n in range(columns))), (("what is measured", *["1.234567"] * columns),)
    )
    sheet.show(Console(width=80, file=printed))
    (line,) = [line for line in printed.getvalue().splitlines() if "measured" in line]
    assert line.count("1.234567") == columns
    assert ("┃" in printed.getvalue()) == (columns == 2)


def test_documents_get_the_tables_and_figures_that_they_have(tmp_path):
    """By title and file name; the rest of a document stays, and nothing is added to it."""
    images, deeper = tmp_path / "images", tmp_path / "experiments" / "page.md"
    images.mkdir()
    deeper.parent.mkdir()
    (images / "old.png").write_bytes(b"")
    before = "# Words\n\n**Title (s > 1)**\n\n| a |\n| --- |\n| 1 |\n| 2 |\n\n**Another**\n\n| b |\n| --- |\n| 3 |\n"
    deeper.write_text(before)
    sheets = [Sheet("Title (s > 1)", ("a", "b"), (("4", r"\\1"),)), Sheet("New", ("c",), (("5",),))]
    page = Page("page", "Page", sheets, {}, {"old": Figure(), "new": Figure()})
    page.renew(tmp_path)
    assert deeper.read_text() == before.replace(
        "| a |\n| --- |\n| 1 |\n| 2 |\n", "| a | b |\n| --- | --- |\n| 4 | \\\\1 |\n"
    )
    assert imread(images / "old.png").ndim == 3
    assert not (images / "new.png").exists()
