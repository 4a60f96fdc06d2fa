"""Groups of options."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from biasfree_client.cli.groups import grouped, options_of


@dataclass(frozen=True)
class Size:
    """A group with a required option."""

    width: Annotated[int, typer.Option(help="Columns.")]
    height: Annotated[int, typer.Option("-y", help="Rows.")] = 7


def test_a_command_gets_its_groups_filled():
    """Their fields stand among the other options, with their defaults."""
    app, got = typer.Typer(), []

    @app.command()
    @grouped
    def resize(image: Annotated[str, typer.Argument()], size: Size, fast: bool = False) -> None:
        """Resize an image."""
        got.append((image, size, fast))

    assert CliRunner().invoke(app, ["a.png", "--width", "3", "--fast"]).exit_code == 0
    assert CliRunner().invoke(app, ["a.png", "--width", "3", "-y", "4"]).exit_code == 0
    assert CliRunner().invoke(app, ["a.png"]).exit_code == 2
    assert got == [("a.png", Size(3, 7), True), ("a.png", Size(3, 4), False)]
    assert "Resize an image." in CliRunner().invoke(app, ["--help"]).output


def test_the_options_of_a_call_are_found_by_their_names():
    """Other fields are not passed on."""

    class Options:
        height: int
        depth: int

    assert options_of(Size(3), Options) == {"height": 7}
