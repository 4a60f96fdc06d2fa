"""The command ``biasfree denoise``."""

import sys
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from biasfree_client import BiasfreeError, ConnectionFailed, Denoised, Denoiser, ProblemError
from biasfree_client._formats import BY_SUFFIX, READ_ONLY, WRITTEN_BY_SUFFIX, Format
from biasfree_client._options import DenoiseOptions
from biasfree_client._progress import OnProgress
from biasfree_client._window import in_threads
from biasfree_client.cli.failure import UsageError, describe
from biasfree_client.cli.names import SAME, Name
from biasfree_client.cli.output import emit, has_reader
from biasfree_client.cli.report import Listener, Outcome, no_images, report
from biasfree_client.cli.room import is_away, make_room, require_new, require_room
from biasfree_client.cli.service import require_reachable
from biasfree_client.cli.settings import Settings
from biasfree_client.cli.sources import Selection
from biasfree_client.cli.targets import Existing, Job, Placement, Targets, require_fit

#: The name of a result beside its image.
BESIDE = Name("{stem}-denoised{suffix}")
#: Standard input as an input, standard output as an output.
STREAM = "-"
#: Formats that the service only reads, and whose pixels a PNG holds; those of the others go into TIFF.
_AS_PNG = frozenset({Format.HEIC, Format.GIF, Format.JP2})
#: Suffix -> suffix of the result, for images of those formats.
INSTEAD = {
    suffix: ".png" if format in _AS_PNG else ".tiff" for suffix, format in BY_SUFFIX.items() if format in READ_ONLY
}
#: Why a result that exists is left as it is.
_TROUBLES = {
    "stale": "the result was made with other settings",
    "older": "the image is newer than the file beside it, which may be no result",
}
#: Options that change no pixel, or that the result's name shows.
_NO_SETTINGS = frozenset({"estimate", "format"})
_DEFAULTS: dict[str, object] = {"strength": 1.0}


@dataclass(frozen=True)
class Denoising:
    """A run over many images.

    Args:
        denoiser: Client of the service.
        options: Options of ``Denoiser.denoise``.
        concurrency: Images to process at a time.
        dry: Only report what would be done.
        quiet: Report nothing but failures.
        settings: The settings that results are made with.
    """

    denoiser: Denoiser
    options: DenoiseOptions
    concurrency: int
    dry: bool = False
    quiet: bool = False
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", Settings(settings_of(self.options)))

    def run(self, jobs: Iterable[Job], report: Listener) -> bool:
        """Denoise the images without a result yet, and continue after failures.

        Returns:
            True if nothing failed.

        Raises:
            ConnectionFailed: The service no longer answers.
            NoRoom: The disk of the results is full or away.
            BrokenPipeError: Nobody reads the report anymore; no further image was sent.
        """
        todo, succeeded = [], True
        for job in jobs:
            outcome = self._before(job)
            if outcome is None:
                todo.append(job)
                continue
            report.tell(outcome)
            succeeded &= outcome.succeeded
        report.expect(len(todo))
        with closing(self._outcomes(todo, report)) as outcomes:
            for outcome in outcomes:
                report.tell(outcome)
                succeeded &= outcome.succeeded
                if isinstance(outcome.error, ConnectionFailed):
                    # One image may break its connection; if the service is gone, all the others would fail as well.
                    require_reachable(self.denoiser)
                if outcome.target is not None and is_away(outcome.error, outcome.source):
                    # The others would be denoised for nothing.
                    require_room(outcome.source, outcome.target)
        return succeeded

    def _before(self, job: Job) -> Outcome | None:
        """Return the outcome of an image that is not to be denoised; None for all others."""
        if job.exists and not self.settings.fit(job.target):
            return left(job, "stale")
        if job.done:
            return left(job, "older") if job.outdated else Outcome(job.source, job.target, "skipped")
        return Outcome(job.source, job.target, "planned", facts={"again": job.outdated}) if self.dry else None

    def _outcomes(self, todo: Iterable[Job], report: Listener) -> Generator[Outcome]:
        def one(job: Job) -> Outcome:
            if not report.wanted():
                raise BrokenPipeError
            return self._one(job, report.on_progress())

        return in_threads(one, todo, concurrency=self.concurrency)

    def _one(self, job: Job, progress: OnProgress | None) -> Outcome:
        start, again = time.monotonic(), job.outdated
        try:
            read_ns, options = job.image_ns, _in_format_of(job.target, self.options)
            result = self.denoiser.denoise(job.source, progress=progress, **options)
            make_room(job.target)
            self.settings.remember(job.target)
            kept = job.keep_older()
            result.save(job.target, overwrite=True)
            job.date(read_ns)
        except (BiasfreeError, OSError) as error:
            return Outcome(job.source, job.target, "failed", describe(error, of=job.source), _failure(error), error)
        found = {"again": again, "kept": kept and str(kept), "seconds": round(time.monotonic() - start, 3)}
        facts, of_older = {**found, **_facts(result)}, f"the older result is now {kept.name}" if kept else ""
        words = "; ".join(each for each in (_estimates(result), result.warning, of_older) if each)
        return Outcome(job.source, job.target, "done", words, facts)


def _require_no_other(jobs: Iterable[Job], existing: Existing) -> None:
    """Refuse a named file that exists and is newer than its image: it may well be the result of another image."""
    for job in jobs:
        if existing is Existing.RENEW and job.done:
            raise UsageError(
                f"{job.target} already exists; use --overwrite to replace it, or --keep-existing to leave it"
            )


def settings_of(options: DenoiseOptions) -> dict[str, Any]:
    """Return the options that change the pixels of a result, without those at their defaults."""
    given = {name: value for name, value in options.items() if name not in _NO_SETTINGS and value is not None}
    return {name: value for name, value in given.items() if _DEFAULTS.get(name) != value}


def denoise_files(selection: Selection, placement: Placement, denoising: Denoising, *, as_json: bool) -> bool:
    """Denoise files into files.

    Returns:
        True if nothing failed.

    Raises:
        UsageError: There are no images, the names of their results conflict, or the named file exists.
        ConnectionFailed: The service does not answer.
    """
    if placement.file is not None:
        denoising = replace(denoising, options=_with_format(denoising.options, placement.file))
    reporter = report("denoised", as_json=as_json, quiet=denoising.quiet)
    found = selection.find()
    jobs = Targets(placement).jobs(found.sources)
    if not jobs and not found.troubles:
        raise no_images(selection, found)
    if placement.file is not None:
        _require_no_other(jobs, placement.existing)
    if not denoising.dry and not all(job.done for job in jobs):
        require_reachable(denoising.denoiser)
    with reporter:
        reporter.pass_over(found.passed)
        for path, trouble in found.troubles.items():
            reporter.tell(failed(path, trouble))
        return denoising.run(jobs, reporter) and not found.troubles


def place(
    output: str | None,
    options: DenoiseOptions,
    *,
    single: bool,
    name: Name | None = None,
    existing: Existing = Existing.RENEW,
) -> Placement:
    """Return the rule for the names of the results.

    Args:
        output: Folder or file, as typed; None to put results beside their images.
        options: Options of ``Denoiser.denoise``.
        single: There is one image, which may become a named file.
        name: Template of the names.
        existing: What to do about results that exist.

    Raises:
        UsageError: The names do not fit the format of the results.
    """
    name = name or (Name(SAME) if output else BESIDE)
    return Placement.of(output, single=single, suffix=_suffix(options), name=name, instead=INSTEAD, existing=existing)


def left(job: Job, status: Literal["stale", "older"]) -> Outcome:
    """Return the outcome of an image whose result is not the one that would be made, and is left as it is."""
    error = f"{_TROUBLES[status]}; use --overwrite, or another --output"
    return Outcome(job.source, job.target, status, facts={"error": error})


def failed(path: Path, error: BiasfreeError | OSError) -> Outcome:
    """Return the outcome of a file or folder that cannot be read at all."""
    return Outcome(path, None, "failed", describe(error, of=path), _failure(error), error)


def denoise_stream(source: str, output: str, denoiser: Denoiser, options: DenoiseOptions, *, overwrite: bool) -> None:
    """Denoise a single image from standard input, to standard output, or both.

    Raises:
        UsageError: Standard output is a terminal, or the output would not be written.
        BiasfreeError: As for ``Denoiser.denoise``.
        OSError: As for ``Denoiser.denoise``, or the result cannot be written.
    """
    if output == STREAM and sys.stdout.isatty():
        raise UsageError("Refusing to write an image to a terminal; use -o FILE or a pipe.")
    if output == STREAM and not has_reader():
        raise BrokenPipeError
    if output != STREAM:
        if output.endswith(("/", "\\")):
            raise UsageError(f"{output} is a folder; choose the name of a file")
        require_new(Path(output), overwrite=overwrite)
        options = _with_format(options, Path(output))
    image = sys.stdin.buffer if source == STREAM else source
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status("denoising") as status:
            result = denoiser.denoise(image, progress=lambda progress: status.update(str(progress)), **options)
    else:
        result = denoiser.denoise(image, **options)
    if output == STREAM:
        emit(result.content)
    else:
        result.save(output, overwrite=overwrite)


def _with_format(options: DenoiseOptions, file: Path) -> DenoiseOptions:
    """Add the format of an output file's suffix, unless a format is given or the name has no suffix.

    Raises:
        UsageError: The suffix is unknown, or that of another format than the given one.
    """
    require_fit(str(file), file.suffix, _suffix(options))
    if options.get("format") is not None or not file.suffix:
        return options
    if file.suffix.lower() not in WRITTEN_BY_SUFFIX:
        raise UsageError(f"{file}: not written; use one of {', '.join(WRITTEN_BY_SUFFIX)}, or --format")
    return _in_format_of(file, options)


def _in_format_of(target: Path, options: DenoiseOptions) -> DenoiseOptions:
    """Ask for the format of a result's name: a JPEG that is called .png becomes a PNG."""
    format = BY_SUFFIX.get(target.suffix.lower())
    return options if format is None or options.get("format") is not None else {**options, "format": format.value}


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
        "warning": result.warning,
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
