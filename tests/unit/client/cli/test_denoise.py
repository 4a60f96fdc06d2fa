"""A run over many images, by a fake service."""

from pathlib import Path

import httpx
import pytest

from biasfree_client import ConnectionFailed, Denoiser, Retries
from biasfree_client.cli.denoise import Denoising, denoise_files
from biasfree_client.cli.report import Outcome
from biasfree_client.cli.sources import Selection
from biasfree_client.cli.targets import Job
from tests.unit.client.conftest import FakeService

PNG = b"\x89PNG\r\n\x1a\n image "


class Told:
    """A report that remembers."""

    def __init__(self):
        self.outcomes: list[Outcome] = []

    def expect(self, count):
        """Nothing."""

    def tell(self, outcome):
        """Keep it."""
        self.outcomes.append(outcome)


@pytest.fixture
def jobs(tmp_path) -> list[Job]:
    """Ten images, each with a number in it."""
    for number in range(10):
        (tmp_path / f"{number}.png").write_bytes(PNG + bytes([number]))
    return [Job(tmp_path / f"{number}.png", tmp_path / "out" / f"{number}.png") for number in range(10)]


def denoising(service: FakeService, *, overwrite: bool = False) -> Denoising:
    """One image at a time, without patience."""
    denoiser = Denoiser(transport=service.transport, retries=Retries(tries=1), sleep=lambda _: None)
    return Denoising(denoiser, {"format": None}, overwrite, concurrency=1)


def breaks_at(service: FakeService, *numbers: int, ready: bool) -> None:
    """The connection breaks at these images, and the service answers else only if it is ``ready``."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and ready:
            return httpx.Response(200, json={"device": "cpu"})
        if request.method == "GET" or request.content[-1] in numbers:
            raise httpx.ReadError("broken off")
        return service.echo(request)

    service.answer = answer


def test_what_is_done_is_skipped_and_not_sent(service, jobs):
    """Unless it is to be done again."""
    jobs[3].target.parent.mkdir()
    jobs[3].target.write_bytes(b"there already")
    told = Told()
    assert denoising(service).run(jobs, told)
    assert [each.status for each in told.outcomes] == ["skipped", *["done"] * 9]
    assert jobs[3].target.read_bytes() == b"there already"
    assert jobs[4].target.read_bytes() == PNG + b"\x04"
    assert len(service.requests) == 9
    assert denoising(service, overwrite=True).run(jobs, told)
    assert jobs[3].target.read_bytes() == PNG + b"\x03"


def test_an_image_that_breaks_the_connection_is_one_failure(service, jobs):
    """While the service is there, the rest goes on."""
    breaks_at(service, 2, 5, ready=True)
    told = Told()
    assert not denoising(service).run(jobs, told)
    assert [each.source.stem for each in told.outcomes if each.status == "failed"] == ["2", "5"]
    assert len(list(jobs[0].target.parent.iterdir())) == 8


def test_a_service_that_is_gone_ends_the_run(service, jobs):
    """What was done stays."""
    breaks_at(service, *range(4, 10), ready=False)
    told = Told()
    with pytest.raises(ConnectionFailed):
        denoising(service).run(jobs, told)
    assert [each.status for each in told.outcomes] == [*["done"] * 4, "failed"]


def test_a_file_that_cannot_be_written_fails_alone(service, jobs):
    """A folder is in its way."""
    jobs[1].target.mkdir(parents=True)
    told = Told()
    assert not denoising(service, overwrite=True).run(jobs, told)
    assert [each.status for each in told.outcomes].count("failed") == 1
    assert "1.png" in told.outcomes[1].note


def test_nobody_has_to_be_there_when_all_is_done(service, jobs, capsys):
    """A run that was finished can be repeated offline."""
    denoising(service).run(jobs, Told())
    breaks_at(service, *range(10), ready=False)
    folder = jobs[0].source.parent
    selection = Selection([str(folder)], leave_out=Path(folder / "out"))
    assert denoise_files(selection, str(folder / "out"), denoising(service), watch=False, as_json=True)
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
        ({}, "estimated sigma 24.6; no estimate of the PSNR: not known"),
    ],
)
def test_the_noise_is_told_in_words(service, jobs, headers, note):
    """With the PSNR, or why there is none; a service that says no more gives the level alone."""
    told = Told()
    always = {"Content-Type": "image/png", "X-Sigma-Estimate": "24.6"}
    service.answer = lambda request: httpx.Response(200, content=PNG, headers=always | headers)
    denoising(service).run(jobs[:1], told)
    (outcome,) = told.outcomes
    assert outcome.note == note
    assert (outcome.facts["noise"] is None) == (headers == {})
