"""A run over many images, with a fake service."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from biasfree_client import ConnectionFailed, Denoiser, Retries
from biasfree_client.cli.denoise import Denoising, denoise_files, place
from biasfree_client.cli.report import Outcome
from biasfree_client.cli.room import NoRoom
from biasfree_client.cli.sources import Selection
from biasfree_client.cli.targets import Existing, Job
from tests.unit.client.conftest import FakeService, FullDisk

PNG = b"\x89PNG\r\n\x1a\n image "


class Recorder:
    """A report that records the outcomes."""

    def __init__(self):
        self.outcomes: list[Outcome] = []

    def expect(self, count):
        """Ignore the number."""

    def tell(self, outcome):
        """Record the outcome."""
        self.outcomes.append(outcome)

    def wanted(self):
        """Return True: it is read until the end."""
        return True

    def on_progress(self):
        """Return None: progress is not shown."""


@pytest.fixture
def jobs(tmp_path) -> list[Job]:
    """Make ten images, each with its number in the content."""
    for number in range(10):
        (tmp_path / f"{number}.png").write_bytes(PNG + bytes([number]))
    return [Job(tmp_path / f"{number}.png", tmp_path / "out" / f"{number}.png") for number in range(10)]


def denoising(service: FakeService, *, dry: bool = False, **options) -> Denoising:
    """Make a run that processes one image at a time and never retries."""
    denoiser = Denoiser(transport=service.transport, retries=Retries(tries=1), sleep=lambda _: None)
    return Denoising(denoiser, {"format": None, **options}, concurrency=1, dry=dry)


def overwriting(jobs: list[Job]) -> list[Job]:
    """Return the same jobs with ``--overwrite``."""
    return [replace(job, existing=Existing.REPLACE) for job in jobs]


def breaks_at(service: FakeService, *numbers: int, ready: bool) -> None:
    """Break the connection at these images; answer ``/readyz`` only if ``ready``."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and ready:
            return httpx.Response(200, json={"device": "cpu"})
        if request.method == "GET" or request.content[-1] in numbers:
            raise httpx.ReadError("broken off")
        return service.echo(request)

    service.answer = answer


def test_an_image_with_a_result_is_skipped_and_not_sent(service, jobs):
    """Only ``overwrite`` denoises an image with a result again."""
    jobs[3].target.parent.mkdir()
    jobs[3].target.write_bytes(b"there already")
    recorder = Recorder()
    assert denoising(service).run(jobs, recorder)
    assert [each.status for each in recorder.outcomes] == ["skipped", *["done"] * 9]
    assert jobs[3].target.read_bytes() == b"there already"
    assert jobs[4].target.read_bytes() == PNG + b"\x04"
    assert len(service.requests) == 9
    assert denoising(service).run(overwriting(jobs), recorder)
    assert jobs[3].target.read_bytes() == PNG + b"\x03"


@pytest.fixture
def outdated(jobs) -> list[Job]:
    """Make a result for each of three images, the second older than its image."""
    jobs[0].target.parent.mkdir()
    for job, age_s in zip(jobs[:3], (-10, 10, -10), strict=True):
        job.target.write_bytes(b"there already")
        date = job.source.stat().st_mtime - age_s
        os.utime(job.target, (date, date))
    return jobs[:3]


def test_an_image_that_changed_since_is_denoised_again(service, outdated):
    """Once; the others are skipped, and a dry run says the same."""
    for dry, status in ((True, "planned"), (False, "done"), (False, "skipped")):
        recorder = Recorder()
        assert denoising(service, dry=dry).run(outdated, recorder)
        assert sorted(each.status for each in recorder.outcomes) == sorted(["skipped", "skipped", status])
        again = [each.source.stem for each in recorder.outcomes if each.facts.get("again")]
        assert again == ([] if status == "skipped" else ["1"])
    assert len(service.requests) == 1
    assert outdated[1].target.read_bytes() == PNG + b"\x01"


def test_no_result_of_a_camera_that_restarts_its_numbering_is_lost(service, outdated):
    """Older results get numbers; only ``overwrite`` replaces one."""
    job, older = outdated[1], [outdated[1].target.with_name(f"1~{number}.png") for number in (1, 2)]
    for day in (1, 2):
        recorder = Recorder()
        assert denoising(service).run(outdated, recorder)
        (done,) = (each for each in recorder.outcomes if each.status == "done")
        assert done.facts["kept"] == str(older[day - 1])
        assert f"the older result is now 1~{day}.png" in done.note
        date = job.target.stat().st_mtime + 10
        job.source.write_bytes(PNG + bytes([100 + day]))
        os.utime(job.source, (date, date))
    assert denoising(service).run(overwriting([job]), recorder)
    assert [each.read_bytes() for each in older] == [b"there already", PNG + b"\x01"]
    assert job.target.read_bytes() == PNG + bytes([102])


def test_an_older_result_stays_if_the_new_one_fails(service, outdated):
    """Under its own name."""
    service.answer = lambda request: httpx.Response(500, json={})
    assert not denoising(service).run(outdated, Recorder())
    assert outdated[1].target.read_bytes() == b"there already"
    assert len(list(outdated[1].target.parent.iterdir())) == 3


def test_an_outdated_result_of_other_settings_is_left_as_it_is(service, outdated):
    """It is reported as such; so is a file that may be no result."""
    recorder = Recorder()
    assert not denoising(service, strength=0.5).run(outdated, recorder)
    doubtful = [replace(job, existing=Existing.DOUBT) for job in outdated]
    assert not denoising(service).run(doubtful, recorder)
    assert [each.status for each in recorder.outcomes] == ["stale"] * 3 + ["skipped", "older", "skipped"]
    assert "--overwrite" in recorder.outcomes[4].facts["error"]
    assert service.requests == []


def test_an_image_that_breaks_the_connection_is_one_failure(service, jobs):
    """The run continues while the service answers."""
    breaks_at(service, 2, 5, ready=True)
    recorder = Recorder()
    assert not denoising(service).run(jobs, recorder)
    assert [each.source.stem for each in recorder.outcomes if each.status == "failed"] == ["2", "5"]
    assert len(list(jobs[0].target.parent.iterdir())) == 8


def test_a_service_that_is_gone_ends_the_run(service, jobs):
    """Earlier results are kept."""
    breaks_at(service, *range(4, 10), ready=False)
    recorder = Recorder()
    with pytest.raises(ConnectionFailed):
        denoising(service).run(jobs, recorder)
    assert [each.status for each in recorder.outcomes] == [*["done"] * 4, "failed"]


def test_a_full_disk_ends_the_run(service, jobs, monkeypatch):
    """The other images would be denoised for nothing; earlier results are kept."""
    recorder = Recorder()
    disk = FullDisk(monkeypatch, errno.ENOSPC)
    disk.free()
    assert denoising(service).run(jobs[:2], recorder)
    disk.full = True
    with pytest.raises(NoRoom, match="No space left"):
        denoising(service).run(jobs, recorder)
    assert [each.status for each in recorder.outcomes] == ["done", "done", "skipped", "skipped", "failed"]


def test_a_file_that_cannot_be_written_fails_alone(service, jobs):
    """A folder in place of a result fails only that image."""
    jobs[1].target.mkdir(parents=True)
    recorder = Recorder()
    assert not denoising(service).run(overwriting(jobs), recorder)
    assert [each.status for each in recorder.outcomes].count("failed") == 1
    assert "1.png" in recorder.outcomes[1].note


def test_an_image_that_is_gone_is_not_named_twice(service, jobs):
    """The report prints its name before the note."""
    jobs[0].source.unlink()
    recorder = Recorder()
    assert not denoising(service).run(jobs[:1], recorder)
    assert recorder.outcomes[0].note == "No such file or directory"


def test_a_finished_run_does_not_need_the_service(service, jobs, capsys):
    """A finished run can be repeated without the service."""
    denoising(service).run(jobs, Recorder())
    breaks_at(service, *range(10), ready=False)
    folder = jobs[0].source.parent
    selection = Selection([str(folder)], leave_out=Path(folder / "out"))
    placement = place(str(folder / "out"), {}, single=False)
    assert denoise_files(selection, placement, denoising(service), as_json=True)
    assert capsys.readouterr().out.count('"skipped"') == 10


@pytest.mark.parametrize(
    ("headers", "note"),
    [
        (
            {"X-Noise": 'white; level=24.6; description="white noise, level 24.6"', "X-Estimated-PSNR": "30.12"},
            "white noise, level 24.6; estimated PSNR of the result 30.12 dB",
        ),
        (
            {
                "X-Noise": 'little; level=0.004; description="little noise found, level 0.004"',
                "X-Estimated-PSNR-Withheld": "as much may be left",
            },
            "little noise found, level 0.004; no estimate of the PSNR: as much may be left",
        ),
        ({}, "estimated sigma 24.6; no estimate of the PSNR: unknown"),
    ],
)
def test_the_noise_is_described_in_words(service, jobs, headers, note):
    """The note has the noise, and the PSNR or the reason why it is missing."""
    recorder = Recorder()
    always = {"Content-Type": "image/png", "X-Sigma-Estimate": "24.6"}
    service.answer = lambda request: httpx.Response(200, content=PNG, headers=always | headers)
    denoising(service).run(jobs[:1], recorder)
    (outcome,) = recorder.outcomes
    assert outcome.note == note
    assert (outcome.facts["noise"] is None) == (headers == {})
