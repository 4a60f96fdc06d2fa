"""``biasfree`` as its users run it, against the real service.

A command whose end as a process matters is one; the others run in this process, since starting one takes a second.
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from biasfree_client._save import partial_prefix
from biasfree_client.cli.app import app
from tests.integration.images import photograph, psnr, with_noise
from tests.integration.misbehaving import never_answer, serving

BIASFREE = [sys.executable, "-m", "biasfree_client"]


def environment(url: str) -> dict[str, str]:
    """The test's own, with the address of the service and no colours."""
    return {**os.environ, "BIASFREE_URL": url, "NO_COLOR": "1", "COLUMNS": "200"}


def biasfree(url, *arguments, stdin=b"", cwd=None) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end, in this process."""
    with contextlib.chdir(cwd or "."):
        run = CliRunner().invoke(app, list(map(str, arguments)), env=environment(url), input=stdin)
    if run.exception is not None and not isinstance(run.exception, SystemExit):
        raise run.exception
    return subprocess.CompletedProcess(arguments, run.exit_code, run.stdout_bytes, run.stderr_bytes)


def lines(output: bytes) -> list[dict]:
    """Standard output, each line parsed by itself."""
    return [json.loads(line) for line in output.decode().splitlines()]


def noisy(seed: int = 0, *, side: int = 48) -> np.ndarray:
    """A photograph with noise of sigma 25, 8 bits."""
    return np.rint(255 * np.clip(with_noise(photograph(side), 25, seed=seed), 0, 1)).astype(np.uint8)


@pytest.fixture
def photos(tmp_path) -> Path:
    """50 noisy photographs, five of them in a folder below."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for place in range(50):
        below = folder / "more" if place >= 45 else folder
        Image.fromarray(noisy(place)).save(below / f"{place:02}.png")
    return folder


def _hears_ctrl_c() -> None:
    """Also where these tests were started in the background, where the signal is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_run_that_was_killed_goes_on_without_redoing(server, photos, tmp_path):
    """50 files: killed after ten, half a file left behind; the next run does the rest, the third nothing."""
    out = tmp_path / "out"
    command = [*BIASFREE, "denoise", str(photos), "-o", str(out), "--recursive", "--json", "-j", "2"]
    process = subprocess.Popen(command, env=environment(server), stdout=subprocess.PIPE)
    first = [json.loads(process.stdout.readline()) for _ in range(10)]
    process.kill()
    process.communicate()
    done = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert {Path(each["output"]) for each in first} <= set(done)
    assert len(done) < 50, "it was killed too late"
    unfinished = next(out / path.relative_to(photos) for path in sorted(photos.rglob("*.png"))[::-1])
    assert unfinished not in done
    unfinished.parent.mkdir(exist_ok=True)
    (unfinished.parent / f"{partial_prefix(unfinished)}0123.partial").write_bytes(b"\x89PNG half")

    again = biasfree(server, "denoise", photos, "-o", out, "--recursive", "--json")
    assert again.returncode == 0, again.stderr
    status = {Path(each["output"]): each["status"] for each in lines(again.stdout)}
    assert len(status) == 50
    assert {path for path, each in status.items() if each == "skipped"} == set(done)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    results = [path for path in out.rglob("*") if path.is_file()]
    assert sorted(results) == sorted(status)
    for path in results:
        with Image.open(path) as image:
            image.load()
            assert image.size == (48, 48)

    third = biasfree("http://127.0.0.1:1", "denoise", photos, "-o", out, "--recursive")
    assert third.returncode == 0
    assert b"50 skipped" in third.stderr


def test_json_is_an_object_a_line(server, photos):
    """Every kind of outcome, and nothing else on standard output."""
    (photos / "07.png").write_bytes(b"no image")
    biasfree(server, "denoise", photos / "08.png", "-o", f"{photos / 'out'}/")
    run = biasfree(server, "denoise", photos, "-o", photos / "out", "--json", "--estimate")
    assert run.returncode == 1
    found = lines(run.stdout)
    assert [each["input"] for each in found if each["status"] == "skipped"] == [str(photos / "08.png")]
    (failed,) = (each for each in found if each["status"] == "failed")
    assert failed["input"] == str(photos / "07.png")
    assert failed["problem"] == "urn:biasfree:problem:unsupported-media"
    assert failed["request_id"] in failed["error"]
    done = [each for each in found if each["status"] == "done"]
    assert len(done) == 43
    assert all(each["sigma"] > 0 and each["model"]["name"] in ("gray", "gray-real") for each in done)


def test_an_error_does_not_stop_the_rest_and_is_exit_status_1(server, photos):
    """And each failure is a line on standard error."""
    (photos / "00.png").write_bytes(b"no image")
    run = biasfree(server, "denoise", photos / "0*.png", "-o", photos / "out")
    assert run.returncode == 1
    assert f"{photos / '00.png'}: 415" in run.stderr.decode()
    assert b"9 denoised, 1 failed" in run.stderr
    assert sorted(path.name for path in (photos / "out").iterdir()) == [f"0{place}.png" for place in range(1, 10)]


def test_standard_input_to_standard_output(server):
    """In a pipe, in another format."""
    buffer = io.BytesIO()
    Image.fromarray(noisy()).save(buffer, "PNG")
    command = [*BIASFREE, "denoise", "-", "--format", "tiff"]
    run = subprocess.run(command, env=environment(server), input=buffer.getvalue(), capture_output=True, timeout=120)
    assert run.returncode == 0, run.stderr
    image = tifffile.imread(io.BytesIO(run.stdout))
    clean = photograph(48)
    assert psnr(clean, image / 255) > psnr(clean, noisy() / 255) + 5


def test_the_ending_of_the_output_is_its_format(server, photos):
    """One image into one file."""
    run = biasfree(server, "denoise", photos / "01.png", "-o", photos / "clean.tif")
    assert run.returncode == 0, run.stderr
    assert tifffile.imread(photos / "clean.tif").shape == (48, 48)
    assert biasfree(server, "denoise", photos / "02.png").returncode == 0
    assert (photos / "02-denoised.png").exists()


def test_nobody_at_the_address_is_said_once(photos):
    """Not fifty times, and nothing is made."""
    run = biasfree("http://127.0.0.1:1", "denoise", photos, "-o", photos / "out")
    assert run.returncode == 1
    assert run.stderr.decode().count("127.0.0.1:1") == 1
    assert b"Is the service running there?" in run.stderr
    assert not (photos / "out").exists()


def test_what_comes_into_a_watched_folder_is_denoised(server, tmp_path):
    """Until the interrupt, which is no failure."""
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    Image.fromarray(noisy(1)).save(inbox / "there.png")
    command = [*BIASFREE, "denoise", str(inbox), "-o", str(out), "--watch", "--json"]
    process = subprocess.Popen(command, env=environment(server), stdout=subprocess.PIPE, preexec_fn=_hears_ctrl_c)
    try:
        assert Path(json.loads(process.stdout.readline())["output"]) == out / "there.png"
        Image.fromarray(noisy(2)).save(inbox / "comes.png")
        assert Path(json.loads(process.stdout.readline())["output"]) == out / "comes.png"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.communicate()
    assert sorted(path.name for path in out.iterdir()) == ["comes.png", "there.png"]


def test_an_interrupt_ends_a_run_with_130(photos, tmp_path):
    """While a service keeps it waiting."""
    with serving(never_answer) as (url, script):
        command = [*BIASFREE, "denoise", str(photos), "-o", str(tmp_path / "out")]
        process = subprocess.Popen(command, env=environment(url), stderr=subprocess.PIPE, preexec_fn=_hears_ctrl_c)
        assert script.came.wait(timeout=60)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.decode().endswith("interrupted\n")
    assert "Traceback" not in said.decode()


LOST = """
import sys, time
from biasfree_client.cli import app, failure

def invoke(self, ctx):
    for _ in range(2):
        try:
            print("here", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("lost", flush=True)

failure.GRACE_S = 1.0
failure.Commands.invoke = invoke
sys.argv = ["biasfree", "models"]
app.run()
"""


def test_an_interrupt_that_got_lost_ends_a_run_all_the_same():
    """As one that was raised where Python drops it."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOST], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_hears_ctrl_c
    )
    assert process.stdout.readline() == b"here\n"
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out, said) == (130, b"lost\nhere\n", b"interrupted\n")


def test_an_analysis_is_saved_drawn_and_told(server, photos):
    """Arrays, a figure, and the numbers in JSON or for people."""
    image, arrays, figure = photos / "00.png", photos / "a.npz", photos / "a.png"
    run = biasfree(server, "analyze", image, "--x", 4, "--y", 8, "--size", 16, "-k", 2, "-o", arrays, "-o", figure)
    assert run.returncode == 0, run.stderr
    assert "effective dimensionality" in run.stdout.decode()
    with np.load(arrays, allow_pickle=False) as saved:
        assert saved["left"].shape == (4, 1, 16, 16)
        assert (int(saved["patch.x"]), int(saved["patch.y"])) == (4, 8)
    with Image.open(figure) as drawn:
        assert drawn.width == 1600
    told = lines(biasfree(server, "analyze", "-", "--size", 16, "--json", stdin=image.read_bytes()).stdout)
    assert len(told[0]["singular_values"]) == 256
    outside = biasfree(server, "analyze", image, "--x", 40)
    assert outside.returncode == 1
    assert b"extends beyond the image" in outside.stderr


def test_models_and_doctor_tell_about_the_service(server):
    """For people and for programs."""
    assert {each["name"] for each in lines(biasfree(server, "models", "--json").stdout)} >= {"gray", "color"}
    assert b"denoised dB" in biasfree(server, "models", "gray").stdout
    unknown = biasfree(server, "models", "grey")
    assert unknown.returncode == 1
    assert unknown.stderr.count(b"did you mean 'gray'?") == unknown.stderr.count(b"gray") == 1
    foreign = biasfree(server, "models", "nope")
    assert foreign.stderr.count(b"color-best") == 1
    healthy = biasfree(server, "doctor")
    assert healthy.returncode == 0
    assert b"on cpu" in healthy.stdout
    (report,) = lines(biasfree(server, "doctor", "--json").stdout)
    assert report["healthy"]
    assert {"ready", "models", "limits", "denoises"} <= {each["name"] for each in report["findings"]}
    sick = biasfree("http://127.0.0.1:1", "doctor")
    assert sick.returncode == 1
    assert b"not healthy" in sick.stdout


def test_noise_is_added_denoised_and_compared(server, tmp_path):
    """The three commands after each other, on 16 bits: the result is nearer to the clean image."""
    clean = np.rint(65535 * photograph(64, channels=3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "clean.tiff", clean, photometric="rgb")
    assert biasfree(server, "add-noise", "clean.tiff", "--sigma", 25, "-o", "noisy.png", cwd=tmp_path).returncode == 0
    assert biasfree(server, "denoise", "noisy.png", "-o", "denoised.tiff", cwd=tmp_path).returncode == 0
    assert tifffile.imread(tmp_path / "denoised.tiff").dtype == np.uint16
    before, after = (
        lines(biasfree(server, "compare", "clean.tiff", each, "--json", cwd=tmp_path).stdout)[0]
        for each in ("noisy.png", "denoised.tiff")
    )
    assert after["psnr_db"] > before["psnr_db"] + 5
    assert after["ssim"] > before["ssim"]
