"""Tables of the pages."""

import io

import pytest
from rich.console import Console

from training.reproduce.pages import Sheet


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
