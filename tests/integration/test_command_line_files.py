"""``biasfree`` on the files and in the pipes that people have, against the real service."""

import os
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from biasfree_client import Denoiser
from tests.integration.test_command_line import BIASFREE, biasfree, environment, lines, noisy

COMMAND = shlex.join(BIASFREE)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three noisy photographs, one of them a JPEG called .png, and files that are no images."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.tif"):
        Image.fromarray(noisy()).save(folder / name)
    Image.fromarray(noisy()).save(folder / "c.png", "JPEG")
    for name in ("1.txt", "2.txt", "x.aae", "README"):
        (folder / name).write_text("text")
    return folder


def shell(url, script, cwd) -> subprocess.CompletedProcess[bytes]:
    """Run a script of bash; ``$B`` is the command."""
    settings = {**environment(url), "B": COMMAND}
    command = ["bash", "-o", "pipefail", "-c", script]
    return subprocess.run(command, env=settings, capture_output=True, timeout=120, cwd=cwd, check=False)


def test_what_a_run_passed_over_is_said(server, folder):
    """By its suffixes, for people and for programs."""
    (folder / "broken.png").write_bytes(b"no image")
    run = biasfree(server, "denoise", folder, "-o", folder / "out")
    assert run.returncode == 1
    assert b"3 denoised, 1 failed, 4 not images: .txt 2, .aae 1, no suffix 1" in run.stderr
    again = biasfree(server, "denoise", folder, "-o", folder / "out", "--json")
    statuses = [each["status"] for each in lines(again.stdout)]
    assert (statuses.count("passed over"), statuses.count("skipped")) == (4, 3)


def test_a_jpeg_called_png_is_written_as_its_name_says(server, folder):
    """The result is the PNG that its name promises."""
    assert biasfree(server, "denoise", folder / "c.png", "-o", f"{folder / 'out'}/").returncode == 0
    with Image.open(folder / "out" / "c.png") as image:
        assert image.format == "PNG"


def test_a_named_file_is_not_taken_for_the_result_of_another_image(server, folder):
    """The command refuses it, since a script would continue with the wrong picture; two options say what to do."""
    out = folder / "out.png"
    assert biasfree(server, "denoise", folder / "a.png", "-o", out).returncode == 0
    before = out.read_bytes()
    other = biasfree(server, "denoise", folder / "c.png", "-o", out)
    assert other.returncode == 2
    assert b"already exists; use --overwrite to replace it, or --keep-existing to leave it" in other.stderr
    assert biasfree(server, "denoise", folder / "c.png", "-o", out, "--keep-existing").returncode == 0
    assert out.read_bytes() == before
    assert biasfree(server, "denoise", folder / "c.png", "-o", out, "--overwrite").returncode == 0
    assert out.read_bytes() != before


def test_results_of_other_settings_are_not_taken_for_done(server, folder):
    """They are left as they are, and the way to replace them is named; the same settings are done."""
    out = folder / "out"
    assert biasfree(server, "denoise", folder, "-o", out, "--strength", "0.2").returncode == 0
    before = (out / "a.png").read_bytes()
    other = biasfree(server, "denoise", folder, "-o", out)
    assert other.returncode == 1
    assert b"3 left as they are (made with other settings: use --overwrite" in other.stderr
    assert (out / "a.png").read_bytes() == before
    same = biasfree(server, "denoise", folder, "-o", out, "--strength", "0.2", "--json")
    assert same.returncode == 0
    assert [each["status"] for each in lines(same.stdout)].count("skipped") == 3
    assert biasfree(server, "denoise", folder, "-o", out, "--overwrite").returncode == 0
    assert (out / "a.png").read_bytes() != before
    assert biasfree(server, "denoise", folder, "-o", out).returncode == 0


def test_noise_of_other_settings_is_not_taken_for_done(folder):
    """The noise is the same in each run, so that the results are compared."""
    out = folder / "out"
    for sigma, status in ((25, 0), (25, 0), (50, 1)):
        assert biasfree("", "add-noise", folder / "a.png", "-s", sigma, "-o", f"{out}/").returncode == status


def test_a_glob_does_not_denoise_its_own_outputs(server, folder):
    """Neither one that the shell expands nor one that is expanded here."""
    for script in ("$B denoise *.png", "$B denoise *.png", "$B denoise '*.png'"):
        assert shell(server, script, folder).returncode == 0
    assert sorted(path.name for path in folder.glob("*.png")) == [
        "a-denoised.png", "a.png", "c-denoised.png", "c.png"
    ]  # fmt: skip


def test_names_dry_runs_and_silence(server, folder):
    """A dry run writes nothing, and the names are those of the run that follows."""
    options = ["denoise", folder, "--name", "{stem}-clean{suffix}"]
    planned = biasfree("http://127.0.0.1:1", *options, "--dry-run")
    assert planned.returncode == 0
    assert f"{folder / 'a.png'} -> {folder / 'a-clean.png'}\n" in planned.stdout.decode()
    assert not list(folder.glob("*-clean*"))
    run = biasfree(server, *options, "--quiet")
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
    assert sorted(path.name for path in folder.glob("*-clean*")) == ["a-clean.png", "b-clean.tif", "c-clean.png"]
    assert b"3 skipped (result exists)" in biasfree(server, *options).stderr


def test_overwrite_replaces_no_link_and_no_device(server, folder):
    """A link in place of a result fails; a device and a pipe get the result."""
    out = folder / "out"
    out.mkdir()
    (out / "a.png").symlink_to(folder / "a.png")
    before = (folder / "a.png").read_bytes()
    run = biasfree(server, "denoise", folder, "-o", out, "--overwrite")
    assert run.returncode == 1
    assert b"symbolic link" in run.stderr
    assert (out / "a.png").is_symlink()
    assert (folder / "a.png").read_bytes() == before
    device = shell(server, "$B denoise a.png -o /dev/null --overwrite && test -c /dev/null", folder)
    assert device.returncode == 0, device.stderr
    os.mkfifo(folder / "p")
    reader = os.open(folder / "p", os.O_RDONLY | os.O_NONBLOCK)
    pipe = biasfree(server, "denoise", folder / "a.png", "-o", folder / "p", "--overwrite")
    assert pipe.returncode == 0, pipe.stderr
    assert os.read(reader, 65536).startswith(b"\x89PNG")
    os.close(reader)
    assert (folder / "p").is_fifo()


def test_names_up_to_the_limit_of_the_file_system(server, folder):
    """In a folder of results, and beside the image, where the name gets longer."""
    stem = "ä" * 125
    (folder / "a.png").rename(folder / f"{stem}.png")
    assert biasfree(server, "denoise", folder / f"{stem}.png", "-o", f"{folder / 'out'}/").returncode == 0
    assert (folder / "out" / f"{stem}.png").exists()
    beside = biasfree(server, "denoise", folder / f"{stem}.png")
    assert beside.returncode == 0, beside.stderr
    assert len(list(folder.glob("ä*-denoised.png"))) == 1


def test_a_tree_with_loops_and_broken_links_is_denoised_once(server, folder):
    """It reports what cannot be read, and denoises the rest."""
    (folder / "sub").mkdir()
    (folder / "a.png").rename(folder / "sub" / "a.png")
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "again").symlink_to(folder / "sub")
    (folder / "broken.png").symlink_to("nowhere.png")
    run = biasfree(server, "denoise", folder, "-o", folder.parent / "out", "--recursive")
    assert run.returncode == 1
    assert b"3 denoised, 1 failed" in run.stderr
    assert b"broken.png" in run.stderr
    assert sorted(path.name for path in (folder.parent / "out").rglob("*.*")) == ["a.png", "b.tif", "c.png"]


@pytest.mark.parametrize(
    "ending",
    ["| head -n 1", "| true", ">&-"],
)
def test_a_reader_that_ends_early_ends_the_run_in_silence(server, folder, ending):
    """No further image is sent, and nothing is said."""
    for number in range(60):
        Image.fromarray(noisy(number)).save(folder / f"{number}.png")
    run = shell(server, f"$B denoise . -o out --json -j 1 {ending}", folder)
    assert run.stderr == b""
    assert run.returncode == 1
    assert len(list(folder.glob("out/*.png"))) < 40


@pytest.mark.parametrize("command", ["denoise . -o out --json", "models", "models --json", "denoise - < a.png"])
def test_a_full_disk_is_one_sentence(server, folder, command):
    """And exit status 1."""
    run = shell(server, f"$B {command} > /dev/full", folder)
    assert run.returncode == 1
    assert b"No space left on device" in run.stderr
    assert run.stderr.count(b"\n") == 1


@pytest.mark.parametrize("command", ["models", "doctor", "compare a.png a.png", "denoise - < a.png"])
def test_a_closed_standard_output_is_no_traceback(server, folder, command):
    """Whatever the command prints."""
    run = shell(server, f"$B {command} >&-", folder)
    assert (run.returncode, run.stderr) == (1, b"")


def test_files_are_read_as_by_the_service(server, folder):
    """Noise is added to what the service sees, and comparisons are with that."""
    gray = np.tile(np.linspace(40, 200, 64).astype(np.uint8), (48, 1))
    tifffile.imwrite(folder / "plain.tif", gray)
    tifffile.imwrite(folder / "white.tif", 255 - gray, photometric="miniswhite")
    turned = np.ascontiguousarray(np.rot90(gray))
    tifffile.imwrite(folder / "turned.tif", turned, extratags=[(274, "H", 1, 6, True)])
    assert biasfree("", "add-noise", "plain.tif", "-s", 25, "-o", "m.tif", cwd=folder).returncode == 0
    for name in ("white.tif", "turned.tif"):
        assert lines(biasfree("", "compare", "plain.tif", name, "--json", cwd=folder).stdout)[0]["same"]
        assert biasfree("", "add-noise", name, "-s", 25, "-o", "n.tif", "--overwrite", cwd=folder).returncode == 0
        assert lines(biasfree("", "compare", "n.tif", "m.tif", "--json", cwd=folder).stdout)[0]["same"]
        with Denoiser(server) as denoiser:
            result = denoiser.denoise(folder / name, strength=0.0)
        np.testing.assert_array_equal(result.array, gray)


def test_a_format_that_only_the_service_reads_is_asked_of_it(server, folder):
    """A JPEG without its end: the service knows that no pixel is missing."""
    content = (folder / "c.png").read_bytes()
    (folder / "cut.jpg").write_bytes(content[:-2])
    (found,) = lines(biasfree(server, "compare", folder / "c.png", folder / "cut.jpg", "--json").stdout)
    assert found["same"]
    alone = biasfree("http://127.0.0.1:1", "compare", folder / "c.png", folder / "cut.jpg")
    assert alone.returncode == 1
    assert b"cut.jpg" in alone.stderr
