"""The commands as they are typed."""

import re
import subprocess
import sys

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from biasfree_client import __version__
from biasfree_client._files import write
from biasfree_client.cli.analyze import spectrum
from biasfree_client.cli.app import app

COMMANDS = dict(typer.main.get_command(app).commands)


def run(*arguments):
    """One command in this process."""
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "200", "NO_COLOR": "1"})


def test_every_command_of_the_contract_is_there():
    """By its name."""
    assert set(COMMANDS) == {"denoise", "analyze", "models", "add-noise", "compare", "doctor"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_explained(name):
    """In --help, which every command has."""
    for parameter in COMMANDS[name].params:
        assert parameter.help, f"{name} {parameter.name}"
    shown = run(name, "--help")
    assert shown.exit_code == 0
    for option in (each for parameter in COMMANDS[name].params for each in parameter.opts if each.startswith("-")):
        assert option in shown.output


def test_the_version_is_told():
    """That of the distribution."""
    assert run("--version").output == f"biasfree-client {__version__}\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [("biasfree de", "denoise"), ("biasfree denoise --stre", "--strength"), ("biasfree denoise --format ti", "tiff")],
)
def test_a_shell_completes_commands_options_and_choices(words, expected):
    """As bash asks for it."""
    environment = {"_BIASFREE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    code = "import sys; sys.argv[0] = 'biasfree'; from biasfree_client.cli.app import app; app(prog_name='biasfree')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert expected in done.stdout.split()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["denoise", "nothing.png"], "no such file"),
        (["denoise", "-", "more.png"], "one image alone"),
        (["denoise", "-", "--json"], "one image alone"),
        (["denoise", "-", "--url", "localhost:8000"], "http://"),
        (["analyze", "a.png", "--pixel", "3"], "expected X,Y"),
        (["analyze", "a.png", "-o", "a.txt"], "expected .png for a drawing"),
        (["add-noise", "a.png", "-s", "25", "--float", "--format", "png"], "tiff or npy"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_exit_status_2(arguments, said):
    """Before anything is sent."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_file_that_is_not_there_is_exit_status_1(tmp_path):
    """With its name."""
    done = run("compare", tmp_path / "a.png", tmp_path / "b.png")
    assert done.exit_code == 1
    assert re.search(r"a\.png: No such file", done.output)


def test_two_files_are_compared(tmp_path):
    """For people."""
    for name, value in (("a.png", 100), ("b.png", 110)):
        (tmp_path / name).write_bytes(write(np.full((16, 16), value, np.uint8), "image/png"))
    assert "28.13 dB" in run("compare", tmp_path / "a.png", tmp_path / "b.png").output
    assert "the same pixels" in run("compare", tmp_path / "a.png", tmp_path / "a.png").output


def test_a_spectrum_is_drawn_in_text():
    """The largest value fills its column, the smallest has none; each line is as wide as there are columns."""
    lines = spectrum(np.array([2.0, 2.0, 2e-4]), rows=4)
    assert [line[:3] for line in lines[:4]] == ["██ "] * 4
    assert spectrum(np.geomspace(1, 1e-4, 1000), columns=20)[4].startswith("█")


def test_a_name_that_says_no_format_is_refused(tmp_path):
    """Before anything is sent: what would be written under it?"""
    (tmp_path / "a.png").write_bytes(write(np.zeros((4, 4), np.uint8), "image/png"))
    answer = run("denoise", tmp_path / "a.png", "-o", tmp_path / "b.xyz", "--url", "http://127.0.0.1:1")
    assert answer.exit_code == 2
    assert "b.xyz" in answer.output
    assert ".tiff" in answer.output
