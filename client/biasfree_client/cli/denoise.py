"""The command ``biasfree denoise``."""

import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from biasfree_client import BiasfreeError, ConnectionFailed, Denoised, Denoiser, ProblemError
from biasfree_client._formats import BY_SUFFIX, Format
from biasfree_client._options import DenoiseOptions
from biasfree_client._window import in_threads
from biasfree_client.cli.failure import UsageError, describe
from biasfree_client.cli.report import Outcome, Report, report
from biasfree_client.cli.service import require_reachable
from biasfree_client.cli.sources import LOOK_EVERY_S, Arrivals, Selection
from biasfree_client.cli.targets import Job, Placement, make_room

MARK = "-denoised"
STREAM = "-"


@dataclass(frozen=True)
class Denoising:
    """A run over many images.

    Args:
        denoiser: Client of the service.
        options: Options of ``Denoiser.denoise``.
        overwrite: Replace existing results.
        concurrency: Images to process at a time.
    """

    denoiser: Denoiser
    options: DenoiseOptions
    overwrite: bool
    concurrency: int

    def run(self, jobs: Iterable[Job], report: Report) -> bool:
        """Denoise the images without a result yet, and continue after failures.

        Returns:
            True if nothing failed.

        Raises:
            ConnectionFailed: The service no longer answers.
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
                # One image may break its connection; if the service is gone, all the others would fail as well.
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
        True if nothing failed.

    Raises:
        UsageError: There are no images, or the names of their results conflict.
        ConnectionFailed: The service does not answer.
    """
    placement = Placement.of(
        output,
        single=selection.single and not watch,
        suffix=_suffix(denoising.options),
        mark=MARK,
    )
    if placement.file is not None:
        denoising = replace(denoising, options=_with_format(denoising.options, placement.file))
    if watch:
        require_reachable(denoising.denoiser)
        return _watch(selection, placement, denoising, report("denoised", as_json=as_json))
    jobs = placement.jobs(selection.find(), overwrite=denoising.overwrite)
    if not jobs:
        raise UsageError(f"{', '.join(selection.inputs)}: no images found; use --recursive to search subfolders")
    if denoising.overwrite or not all(job.done for job in jobs):
        require_reachable(denoising.denoiser)
    with report("denoised", as_json=as_json) as reporter:
        return denoising.run(jobs, reporter)


def _watch(selection: Selection, placement: Placement, denoising: Denoising, reporter: Report) -> bool:
    """Denoise present and arriving images until interrupted; return whether nothing failed."""
    arrivals, succeeded = Arrivals(), True
    with reporter:
        try:
            while True:
                jobs = placement.jobs(arrivals.ready(selection.find()), overwrite=denoising.overwrite)
                succeeded &= denoising.run(jobs, reporter)
                time.sleep(LOOK_EVERY_S)
        except KeyboardInterrupt:
            return succeeded


def denoise_stream(source: str, output: str, denoiser: Denoiser, options: DenoiseOptions, *, overwrite: bool) -> None:
    """Denoise a single image from standard input, to standard output, or both.

    Raises:
        UsageError: Standard output is a terminal.
        BiasfreeError: As for ``Denoiser.denoise``.
        OSError: As for ``Denoiser.denoise``, or the result cannot be written.
    """
    if output == STREAM and sys.stdout.isatty():
        raise UsageError("Refusing to write an image to a terminal; use -o FILE or a pipe.")
    if output != STREAM:
        options = _with_format(options, Path(output))
    result = denoiser.denoise(sys.stdin.buffer if source == STREAM else source, **options)
    if output == STREAM:
        sys.stdout.buffer.write(result.content)
        sys.stdout.buffer.flush()
    else:
        result.save(output, overwrite=overwrite)


def _with_format(options: DenoiseOptions, file: Path) -> DenoiseOptions:
    """Add the format of an output file's suffix, unless a format is given or the name has no suffix.

    Raises:
        UsageError: The suffix is unknown.
    """
    if options.get("format") is not None or not file.suffix:
        return options
    if (format := BY_SUFFIX.get(file.suffix.lower())) is None:
        raise UsageError(f"{file}: unknown suffix; use one of {', '.join(BY_SUFFIX)}, or --format")
    return {**options, "format": format.value}


def _suffix(options: DenoiseOptions) -> str | None:
    format = options.get("format")
    return None if format is None else Format[format.upper()].suffixes[0]


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
    """Describe the estimates for people, if they were requested."""
    if result.sigma is None:
        return ""
    found = str(result.noise or f"estimated sigma {result.sigma:.3g}")
    if result.estimated_psnr is not None:
        return f"{found}; estimated PSNR of the result {result.estimated_psnr:.2f} dB"
    return f"{found}; no estimate of the PSNR: {result.estimated_psnr_withheld or 'unknown'}"
