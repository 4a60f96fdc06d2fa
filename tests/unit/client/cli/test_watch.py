"""Files that arrive while a command watches."""

import errno
import os
from pathlib import Path

import httpx
import pytest

from biasfree_client import Denoiser, Retries
from biasfree_client.cli.denoise import Denoising
from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.report import Outcome
from biasfree_client.cli.sources import Selection, Source
from biasfree_client.cli.targets import Existing, Placement, Targets
from biasfree_client.cli.watch import Arrivals, Watch, stamp_of
from tests.unit.client.cli.test_denoise import Recorder
from tests.unit.client.conftest import FullDisk

PNG = b"\x89PNG\r\n\x1a\n image"

A, B = (Source(Path(name), Path(name)) for name in ("a.png", "b.png"))


class Disk:
    """A disk of files with given stamps."""

    def __init__(self, **stamps):
        self.stamps = {Path(f"{name}.png"): (0, size) for name, size in stamps.items()}

    def look(self, path):
        """Return the stamp of a file."""
        return self.stamps.get(path)


def test_a_file_is_ready_when_it_is_unchanged_between_two_looks():
    """The file is returned once."""
    arrivals = Arrivals(Disk(a=10).look)
    assert [arrivals.ready([A]) for _ in range(4)] == [[], [A], [], []]


def test_a_file_that_grows_is_not_ready():
    """It becomes ready when it stops growing."""
    disk = Disk(a=1)
    arrivals = Arrivals(disk.look)
    for size in (1, 2, 3):
        disk.stamps[A.path] = (0, size)
        assert arrivals.ready([A]) == []
    assert arrivals.ready([A]) == [A]


def test_a_file_that_changed_is_returned_again():
    """A photograph that was saved again is returned again."""
    disk = Disk(a=1, b=1)
    arrivals = Arrivals(disk.look)
    arrivals.ready([A, B])
    assert arrivals.ready([A, B]) == [A, B]
    disk.stamps[B.path] = (5, 1)
    assert [arrivals.ready([A, B]), arrivals.ready([A, B])] == [[], [B]]


def test_a_file_that_vanished_is_ignored():
    """A file may vanish between the listing and the look."""
    arrivals = Arrivals(Disk().look)
    assert [arrivals.ready([A]), arrivals.ready([A])] == [[], []]


def test_stamps_are_those_of_the_disk(tmp_path):
    """A stamp has the size; a missing file has no stamp."""
    (tmp_path / "a").write_bytes(b"123")
    assert stamp_of(tmp_path / "a")[1] == 3
    assert stamp_of(tmp_path / "b") is None


class Script:
    """A pause in which something happens: one step per pause, then the interrupt."""

    def __init__(self, *steps):
        self.steps = list(steps)

    def __call__(self, seconds):
        """Take the next step."""
        if not self.steps:
            raise KeyboardInterrupt
        self.steps.pop(0)()


def nothing():
    """Let time pass."""


def watch(service, folder, *steps, pattern="", **placement) -> tuple[bool, list[Outcome]]:
    """Watch a folder through some steps; return whether nothing failed, and the outcomes."""
    recorder = Watched()
    denoiser = Denoiser(transport=service.transport, retries=Retries(tries=1), sleep=lambda _: None)
    selection = Selection([str(folder / pattern)], leave_out=folder / "out")
    targets = Targets(Placement(folder=folder.parent / "out", **placement))
    denoising = Denoising(denoiser, {}, concurrency=1)
    succeeded = Watch(selection, targets, denoising, recorder, Script(*steps)).run()
    return succeeded, recorder.outcomes


class Watched(Recorder):
    """A recorder of outcomes in a context, as the reports of the command line are."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def pass_over(self, passed):
        """Ignore the other files."""


@pytest.fixture
def inbox(tmp_path) -> Path:
    """Make an empty folder to watch."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def put(path, content=PNG):
    """Return a step that writes a file."""
    return lambda: path.write_bytes(content)


def stems(outcomes, status="done") -> list[str]:
    """Return the names of the images with an outcome."""
    return [each.source.stem for each in outcomes if each.status == status]


@pytest.mark.parametrize("pattern", ["", "*.png"])
def test_an_empty_folder_is_watched(service, inbox, pattern):
    """Also by a pattern that matches nothing yet."""
    succeeded, outcomes = watch(service, inbox, nothing, put(inbox / "a.png"), nothing, nothing, pattern=pattern)
    assert succeeded
    assert stems(outcomes) == ["a"]


def test_a_folder_that_goes_away_is_waited_for(service, inbox, capsys):
    """A lost share is said once, and its files are denoised when it is back; those that are done stay done."""
    away = inbox.with_name("away")
    steps = [nothing, lambda: inbox.rename(away), nothing, nothing, lambda: away.rename(inbox), put(inbox / "b.png")]
    put(inbox / "a.png")()
    succeeded, outcomes = watch(service, inbox, *steps, nothing, nothing)
    assert succeeded
    assert stems(outcomes) == ["a", "b"]
    said = capsys.readouterr().err
    assert said.count("No such file or directory (waiting)") == 1
    assert "is there again" in said


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_of_the_results_is_waited_for(service, inbox, capsys, monkeypatch, code):
    """No image fails because of it, and none is sent while the disk has no room."""
    disk = FullDisk(monkeypatch, code)
    service.answer = lambda request: service.echo(request) if request.method == "POST" else httpx.Response(200, json={})
    steps = [put(inbox / "a.png"), nothing, nothing, nothing, disk.free, nothing, nothing]
    succeeded, outcomes = watch(service, inbox, *steps)
    assert succeeded
    assert stems(outcomes) == ["a"]
    assert [request.method for request in service.requests].count("POST") == 2
    said = capsys.readouterr().err
    assert said.count(f"{os.strerror(code)} (waiting)") == 1
    assert "out is there again" in said


def test_a_folder_in_place_of_a_result_is_not_waited_for(service, inbox):
    """Nor is a link: they do not go away by themselves."""
    put(inbox / "a.png")()
    (inbox.parent / "out").mkdir()
    (inbox.parent / "out" / "a.png").symlink_to("elsewhere")
    succeeded, outcomes = watch(service, inbox, nothing, nothing, nothing)
    assert not succeeded
    assert stems(outcomes, "failed") == ["a"]


def test_a_folder_that_was_never_there_is_wrong_usage(service, tmp_path):
    """Waiting for a misspelled name would be no help."""
    with pytest.raises(UsageError, match="nowhere"):
        watch(service, tmp_path / "nowhere")


@pytest.mark.parametrize("how", ["refused", "starting", "proxy"])
def test_a_service_that_restarts_is_waited_for(service, inbox, capsys, how):
    """No image fails because of it, and none is left out."""
    down = {"refused": False, "starting": False, "proxy": False}

    def answer(request):
        if down["refused"]:
            raise httpx.ConnectError("refused")
        if down["starting"] or down["proxy"]:
            return httpx.Response(503 if down["starting"] else 502)
        return httpx.Response(200, json={"device": "cpu"}) if request.method == "GET" else service.echo(request)

    service.answer = answer
    steps = [
        put(inbox / "a.png"),
        lambda: down.update({how: True}),
        nothing,
        nothing,
        lambda: down.update({how: False}),
    ]
    succeeded, outcomes = watch(service, inbox, *steps, put(inbox / "b.png"), nothing, nothing, nothing)
    assert succeeded
    assert stems(outcomes) == ["a", "b"]
    assert stems(outcomes, "failed") == []
    assert "the service is there again" in capsys.readouterr().err


def test_a_failed_file_is_tried_again_when_it_changes(service, inbox):
    """And only then."""

    def answer(request):
        if request.method == "GET":
            return httpx.Response(200, json={"device": "cpu"})
        return service.echo(request) if request.content.startswith(PNG) else httpx.Response(415)

    service.answer = answer
    put(inbox / "a.png", b"half")()
    steps = [nothing, nothing, nothing, put(inbox / "a.png"), nothing, nothing]
    succeeded, outcomes = watch(service, inbox, *steps)
    assert not succeeded
    assert [each.status for each in outcomes] == ["failed", "done"]


@pytest.mark.parametrize(
    ("existing", "statuses"), [(Existing.RENEW, ["done", "done"]), (Existing.KEEP, ["done", "skipped"])]
)
def test_an_image_that_was_replaced_is_denoised_again(service, inbox, existing, statuses):
    """Even if the new one is older: a copy keeps its date."""
    image = inbox / "a.png"
    steps = [
        put(image),
        nothing,
        nothing,
        put(image, PNG + b"other"),
        lambda: os.utime(image, (1, 1)),
        nothing,
        nothing,
    ]
    succeeded, outcomes = watch(service, inbox, *steps, existing=existing)
    assert succeeded
    assert [each.status for each in outcomes] == statuses
    result = (inbox.parent / "out" / "a.png").read_bytes()
    assert result == (PNG + b"other" if existing is Existing.RENEW else PNG)


def test_images_that_arrive_one_after_the_other_have_results_of_their_own(service, inbox):
    """They differ in the suffix alone."""
    steps = [put(inbox / "a.heic"), nothing, nothing, put(inbox / "a.png"), nothing, nothing]
    succeeded, outcomes = watch(service, inbox, *steps, instead={".heic": ".png"})
    assert succeeded
    assert [each.target.name for each in outcomes] == ["a.png", "a.png.png"]


def test_two_images_with_the_same_result_do_not_end_the_watch(service, inbox):
    """The second, of another folder, fails."""
    other = inbox / "other"
    other.mkdir()
    steps = [put(inbox / "a.png"), nothing, nothing, put(other / "a.png"), nothing, nothing]
    recorder = Watched()
    denoiser = Denoiser(transport=service.transport, retries=Retries(tries=1))
    targets = Targets(Placement(folder=inbox.parent / "out"))
    denoising = Denoising(denoiser, {}, concurrency=1)
    assert not Watch(Selection([str(inbox), str(other)]), targets, denoising, recorder, Script(*steps)).run()
    assert [each.status for each in recorder.outcomes] == ["done", "failed"]
    assert "would both become" in recorder.outcomes[1].note
