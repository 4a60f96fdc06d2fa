"""The commands and their options, as typed."""

import re
import subprocess
import sys

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from biasfree_client import Denoiser, __version__
from biasfree_client._files import write
from biasfree_client._options import AnalyzeOptions, DenoiseOptions
from biasfree_client.cli import service as connections
from biasfree_client.cli.app import app

COMMANDS = dict(typer.main.get_command(app).commands)


def run(*arguments, stdin=None):
    """Run one command in this process."""
    environment = {"COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, list(map(str, arguments)), env=environment, input=stdin)


def test_every_command_of_the_contract_is_there():
    """The set of commands is complete."""
    assert set(COMMANDS) == {"denoise", "analyze", "models", "add-noise", "compare", "doctor"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_explained(name):
    """``--help`` of every command lists and explains all of its parameters."""
    for parameter in COMMANDS[name].params:
        assert parameter.help, f"{name} {parameter.name}"
    shown = run(name, "--help")
    assert shown.exit_code == 0
    for option in (each for parameter in COMMANDS[name].params for each in parameter.opts if each.startswith("-")):
        assert option in shown.output


def test_the_version_is_printed():
    """``--version`` prints the version of the distribution."""
    assert run("--version").output == f"biasfree-client {__version__}\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [("biasfree de", "denoise"), ("biasfree denoise --stre", "--strength"), ("biasfree denoise --format ti", "tiff")],
)
def test_a_shell_completes_commands_options_and_choices(words, expected):
    """Completion works through bash's protocol."""
    environment = {"_BIASFREE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    code = "import sys; sys.argv[0] = 'biasfree'; from biasfree_client.cli.app import app; app(prog_name='biasfree')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert expected in done.stdout.split()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["denoise", "nothing.png"], "no such file"),
        (["denoise", "nothing.png", "-o", "one.png"], "no such file"),
        (["denoise", "a.jpg", "b.jpg", "-o", "one.png"], "several images need a folder"),
        (["denoise", "a.jpg", "--watch", "-o", "one.png"], "several images need a folder"),
        (["add-noise", "a.jpg", "b.jpg", "-s", "25", "-o", "out.zip"], "several images need a folder"),
        (["denoise", "-", "more.png"], "single image"),
        (["denoise", "-", "--json"], "single image"),
        (["denoise", "-", "--url", "localhost:8000"], "http://"),
        (["analyze", "a.png", "--pixel", "3"], "must be X,Y"),
        (["analyze", "a.png", "-o", "a.txt"], "must be .png for a drawing"),
        (["denoise", "a.png", "--dry-run", "--format", "gif"], "'gif' is not one of"),
        (["denoise", "-", "--format", "tiff", "-o", "b.png"], "does not fit the suffix .png"),
        (["denoise", "a.png", "--overwrite", "--keep-existing"], "use one of them"),
        (["add-noise", "a.png", "-s", "25", "--float", "--format", "png"], "tiff or npy with --float"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_status_2(arguments, said):
    """Wrong usage prints one sentence before anything is sent."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("dry", [["--dry-run"], []])
@pytest.mark.parametrize(
    "arguments",
    [
        ["denoise", "a.png", "--format", "tiff", "-o", "b.png"],
        ["denoise", "a.png", "--format", "png", "-o", "b.heic"],
        ["denoise", "a.png", "--format", "tiff", "--name", "{stem}-b.png"],
        ["add-noise", "a.png", "-s", "25", "--format", "tiff", "-o", "b.png"],
        ["add-noise", "a.png", "-s", "25", "--float", "-o", "b.png"],
    ],
)
def test_a_name_of_another_format_is_refused_in_a_dry_run_too(arguments, dry, tmp_path, monkeypatch):
    """In the same words, and before anything is sent."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(write(np.zeros((4, 4), np.uint8), "image/png"))
    done = run(*arguments, *dry)
    assert done.exit_code == 2
    assert re.search(r"the result is image/\w+, which does not fit the suffix \.(png|heic)", done.output)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(("there", "said"), [(True, "already exists; use --overwrite"), (False, "is a folder")])
def test_a_single_output_that_would_not_be_written_is_refused(connected, tmp_path, there, said):
    """Before the work for it."""
    output = tmp_path / "a.png" if there else f"{tmp_path}/new/"
    (tmp_path / "a.png").touch()
    done = run("denoise", "-", "-o", output, stdin=b"\x89PNG\r\n\x1a\n an image")
    assert (done.exit_code, connected.requests) == (2, [])
    assert said in done.output


def test_a_missing_file_is_exit_status_1(tmp_path):
    """The error names the file."""
    done = run("compare", tmp_path / "a.png", tmp_path / "b.png")
    assert done.exit_code == 1
    assert re.search(r"a\.png: No such file", done.output)


def test_two_files_are_compared(tmp_path):
    """The output for people has the PSNR."""
    for name, value in (("a.png", 100), ("b.png", 110)):
        (tmp_path / name).write_bytes(write(np.full((16, 16), value, np.uint8), "image/png"))
    assert "28.13 dB" in run("compare", tmp_path / "a.png", tmp_path / "b.png").output
    assert "identical pixels" in run("compare", tmp_path / "a.png", tmp_path / "a.png").output


def test_an_output_of_unknown_format_is_refused(tmp_path):
    """An unknown suffix is refused before anything is sent."""
    (tmp_path / "a.png").write_bytes(write(np.zeros((4, 4), np.uint8), "image/png"))
    answer = run("denoise", tmp_path / "a.png", "-o", tmp_path / "b.xyz", "--url", "http://127.0.0.1:1")
    assert answer.exit_code == 2
    assert "b.xyz" in answer.output
    assert ".tiff" in answer.output


@pytest.mark.parametrize("command", [["models", "grey"], ["denoise", "-", "--model", "grey"]])
@pytest.mark.parametrize("advice", ["did you mean 'gray'?", "use any of color, gray"])
def test_an_unknown_model_is_reported_with_one_advice(connected, command, advice):
    """The service names the likely model, or all of them; nothing is added to that."""
    detail = f"no model is called 'grey'; {advice}"
    connected.refuse(404, "urn:biasfree:problem:unknown-model", detail=detail, supported=["color", "gray"])
    done = run(*command, stdin=b"\x89PNG\r\n\x1a\n an image")
    assert done.exit_code == 1
    assert done.output.count("gray") == 1
    assert advice in done.output


@pytest.mark.parametrize(
    ("command", "said"),
    [("denoise", ["the noise of the image", "auto, best or fast", "a quarter"]), ("analyze", ["the image's channels"])],
)
def test_the_help_says_how_a_model_is_chosen(command, said):
    """The noise decides for ``denoise`` only."""
    shown = " ".join(run(command, "--help").output.replace("│", " ").split())
    assert all(words in shown for words in said)
    assert ("noise of the image" in shown) == (command == "denoise")


@pytest.mark.parametrize(
    ("command", "declared", "renamed"),
    [("denoise", DenoiseOptions, {"output": "residual"}), ("analyze", AnalyzeOptions, {"pixels": "pixel"})],
)
def test_every_option_of_the_client_is_on_the_command_line(command, declared, renamed):
    """A parameter that reaches the client through its name cannot be misspelled or forgotten."""
    offered = {parameter.name for parameter in COMMANDS[command].params}
    assert {renamed.get(name, name) for name in declared.__annotations__} <= offered


@pytest.fixture
def connected(service, monkeypatch):
    """Let the commands reach the fake service."""
    monkeypatch.setattr(connections, "connect", lambda *_, **__: Denoiser(transport=service.transport))
    return service


def sent(service) -> dict[str, str]:
    """Return the query of the last request."""
    return dict(service.requests[-1].url.params)


def test_options_reach_the_service(connected):
    """Every option is sent by its name in the query; those left at their defaults are not."""
    image = b"\x89PNG\r\n\x1a\n an image"
    assert run("denoise", "-", stdin=image).exit_code == 0
    assert sent(connected) == {"strength": "1.0"}
    options = "--strength 0.5 --chroma-strength 1 --model gray --estimate --format tiff --residual --color rgb"
    assert (
        run(
            "denoise",
            "-",
            *options.split(),
            "--bit-depth",
            12,
            "--bits",
            8,
            "--quality",
            80,
            "--ensemble",
            4,
            stdin=image,
        ).exit_code
        == 0
    )
    assert sent(connected) == {
        "strength": "0.5", "chroma_strength": "1.0", "model": "gray", "estimate": "true", "format": "tiff",
        "output": "residual", "color": "rgb", "bit_depth": "12", "bits": "8", "quality": "80", "ensemble": "4",
    }  # fmt: skip


def test_options_of_an_analysis_reach_the_service(connected, tmp_path):
    """Those of the patch have other names in the query, and pixels are repeated."""
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n an image")
    options = "--x 1 --y 2 --size 3 -k 4 --pixel 5,6 --pixel 7,8 --color gray"
    run("analyze", tmp_path / "a.png", *options.split())
    assert connected.requests[-1].url.params.get_list("pixel") == ["5,6", "7,8"]
    query = {name: value for name, value in sent(connected).items() if name != "pixel"}
    assert query == {
        "x": "1", "y": "2", "size": "3", "k": "4", "method": "auto", "probes": "0", "frame": "0", "color": "gray"
    }  # fmt: skip
