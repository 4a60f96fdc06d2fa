"""``biasfree denoise``."""

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from biasfree_client import BiasfreeError, ConnectionFailed, Denoised, Denoiser, ProblemError
from biasfree_client._window import in_threads
from biasfree_client.cli.arrivals import LOOK_EVERY_S, Arrivals
from biasfree_client.cli.failure import UsageError, describe
from biasfree_client.cli.report import Outcome, Report, report
from biasfree_client.cli.service import require_reachable
from biasfree_client.cli.sources import Selection
from biasfree_client.cli.targets import Job, Placement, make_room

MARK = "-denoised"
STREAM = "-"
#: Endings of a file that is named, and the format that they ask for.
FORMATS = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".bmp": "bmp",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".npy": "npy",
}


@dataclass(frozen=True)
class Denoising:
    """What to do with each image.

    Args:
        denoiser: The service.
        options: Of ``Denoiser.denoise``.
        overwrite: Whether to do again what is done.
        concurrency: Images at once.
    """

    denoiser: Denoiser
    options: Mapping[str, Any]
    overwrite: bool
    concurrency: int

    def run(self, jobs: Iterable[Job], report: Report) -> bool:
        """Denoise what is not done yet, whatever fails on the way.

        Returns:
            Whether nothing failed.

        Raises:
            ConnectionFailed: Nobody answers any more.
        """
        todo = []
        for job in jobs:
            if job.done and not self.overwrite:
                report.tell(Outcome(job.source, job.target, "skipped"))
            else:
                todo.append(job)
        report.expect(len(todo))
        succeeded = True
        for outcome in in_threads(self._one, todo, concurrency=self.concurrency):
            report.tell(outcome)
            succeeded &= outcome.status != "failed"
            if isinstance(outcome.error, ConnectionFailed):
                # One image that breaks the connection is one failure; a service that is gone would fail all of them.
                require_reachable(self.denoiser)
        return succeeded

    def _one(self, job: Job) -> Outcome:
        start = time.monotonic()
        try:
            result = self.denoiser.denoise(job.source, **self.options)
            make_room(job.target)
            result.save(job.target, overwrite=True)
        except (BiasfreeError, OSError) as error:
            return Outcome(job.source, job.target, "failed", describe(error), _failure(error), error)
        facts = {"seconds": round(time.monotonic() - start, 3), **_facts(result)}
        return Outcome(job.source, job.target, "done", _estimates(result), facts)


def denoise_files(
    selection: Selection,
    output: str | None,
    denoising: Denoising,
    *,
    watch: bool,
    as_json: bool,
) -> bool:
    """Denoise files into files.

    Returns:
        Whether nothing failed.

    Raises:
        UsageError: There is nothing to do, or the names contradict each other.
        ConnectionFailed: Nobody answers.
    """
    placement = Placement.of(
        output,
        single=selection.single and not watch,
        suffix=_suffix(denoising.options["format"]),
        mark=MARK,
    )
    if placement.file is not None and denoising.options["format"] is None:
        wanted = {**denoising.options, "format": _format_of(placement.file)}
        denoising = Denoising(denoising.denoiser, wanted, denoising.overwrite, denoising.concurrency)
    if watch:
        require_reachable(denoising.denoiser)
        return _watch(selection, placement, denoising, report("denoised", as_json=as_json))
    jobs = placement.jobs(selection.find(), overwrite=denoising.overwrite)
    if not jobs:
        raise UsageError(f"{', '.join(selection.inputs)}: no images there; --recursive looks into folders below")
    if denoising.overwrite or not all(job.done for job in jobs):
        require_reachable(denoising.denoiser)
    with report("denoised", as_json=as_json) as told:
        return denoising.run(jobs, told)


def _watch(selection: Selection, placement: Placement, denoising: Denoising, told: Report) -> bool:
    """Denoise what is there and what comes, until the interrupt that ends it."""
    arrivals, succeeded = Arrivals(), True
    with told:
        try:
            while True:
                jobs = placement.jobs(arrivals.ready(selection.find()), overwrite=denoising.overwrite)
                succeeded &= denoising.run(jobs, told)
                time.sleep(LOOK_EVERY_S)
        except KeyboardInterrupt:
            return succeeded


def denoise_stream(
    source: str, output: str, denoiser: Denoiser, options: Mapping[str, Any], *, overwrite: bool
) -> None:
    """Denoise one image of which at least one end is a stream.

    Raises:
        UsageError: The image would go to a terminal.
        BiasfreeError: As ``Denoiser.denoise``.
        OSError: As ``Denoiser.denoise``, and where the result cannot be written.
    """
    if output == STREAM and sys.stdout.isatty():
        raise UsageError("an image is nothing for a terminal: name a file with -o, or a pipe")
    if options["format"] is None and output != STREAM:
        options = {**options, "format": _format_of(Path(output))}
    result = denoiser.denoise(sys.stdin.buffer if source == STREAM else source, **options)
    if output == STREAM:
        sys.stdout.buffer.write(result.content)
        sys.stdout.buffer.flush()
    else:
        result.save(output, overwrite=overwrite)


def _format_of(file: Path) -> str | None:
    """What a file's name says; None if it says nothing.

    Raises:
        UsageError: It ends as nothing does that is written here.
    """
    if not file.suffix:
        return None
    if (format := FORMATS.get(file.suffix.lower())) is None:
        raise UsageError(f"{file}: expected a name that ends in {', '.join(FORMATS)}, or --format")
    return format


def _suffix(format: str | None) -> str | None:
    return None if format is None else {"jpeg": ".jpg"}.get(format, f".{format}")


def _facts(result: Denoised) -> dict[str, Any]:
    model = result.model
    return {
        "sigma": result.sigma,
        "estimated_psnr": result.estimated_psnr,
        "estimated_psnr_withheld": result.estimated_psnr_withheld,
        "noise": None if result.noise is None else asdict(result.noise),
        "model": None if model is None else {"name": model.name, "version": model.version, "sha256": model.sha256},
        "request_id": result.request_id,
        "timing_ms": dict(result.timing),
    }


def _failure(error: BiasfreeError | OSError) -> dict[str, Any]:
    facts: dict[str, Any] = {"error": describe(error), "kind": type(error).__name__}
    if isinstance(error, ProblemError):
        facts |= {"problem": error.problem.type, "http_status": error.status, "request_id": error.request_id}
    return facts


def _estimates(result: Denoised) -> str:
    """For people, where they asked."""
    if result.sigma is None:
        return ""
    found = str(result.noise or f"estimated sigma {result.sigma:.3g}")
    if result.estimated_psnr is not None:
        return f"{found}; estimated PSNR of the result {result.estimated_psnr:.2f} dB"
    return f"{found}; no estimate of the PSNR: {result.estimated_psnr_withheld or 'not known'}"
