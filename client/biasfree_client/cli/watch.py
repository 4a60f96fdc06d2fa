"""``biasfree denoise --watch``: files that arrive in folders, until the interrupt."""

import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import typer

from biasfree_client import ConnectionFailed, DeadlineExceeded, Denoiser, ProblemError, Retries, UnexpectedResponse
from biasfree_client._progress import OnProgress
from biasfree_client._retry import is_transient
from biasfree_client.cli.denoise import Denoising
from biasfree_client.cli.failure import UsageError, describe
from biasfree_client.cli.report import Outcome, Report, report
from biasfree_client.cli.room import NoRoom, is_away, require_room
from biasfree_client.cli.service import require_reachable
from biasfree_client.cli.sources import Passed, Selection, Source
from biasfree_client.cli.targets import Job, Placement, Targets

#: Modification time in nanoseconds, and size.
Stamp = tuple[int, int]
#: Seconds between two looks at a folder; a file that is being copied grows within that time.
LOOK_EVERY_S = 1.0


class Arrivals:
    """The files that arrived or changed, each when it is complete: unchanged since the previous look.

    Args:
        stamp: Returns a file's stamp, or None if it is gone.
    """

    def __init__(self, stamp: Callable[[Path], Stamp | None] | None = None) -> None:
        self._stamp = stamp or stamp_of
        self._seen: dict[Path, Stamp] = {}
        self._taken: dict[Path, Stamp] = {}
        self._again: set[Path] = set()

    def ready(self, sources: Iterable[Source]) -> list[Source]:
        """Return the sources that are complete now, and were not returned before in this state."""
        sources = list(sources)
        now = {source.path: stamp for source in sources if (stamp := self._stamp(source.path)) is not None}
        ready = {path: stamp for path, stamp in now.items() if self._seen.get(path) == stamp != self._taken.get(path)}
        self._seen = now
        self._again.update(ready.keys() & self._taken.keys())
        self._taken.update(ready)
        return [source for source in sources if source.path in ready]

    def changed(self, path: Path) -> bool:
        """Return whether a file is gone, or no longer as it was when it was returned."""
        return self._stamp(path) != self._taken.get(path)

    def came_again(self, path: Path) -> bool:
        """Return whether a file was returned in another state before, so that an earlier result is not its result."""
        return path in self._again

    def forget(self, path: Path) -> None:
        """Return a file again, although it did not change."""
        self._taken.pop(path, None)


def stamp_of(path: Path) -> Stamp | None:
    """Return a file's modification time and size, or None if it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def watch_files(selection: Selection, placement: Placement, denoising: Denoising, *, as_json: bool) -> bool:
    """Denoise present and arriving files until the interrupt; return whether nothing failed.

    Raises:
        UsageError: An input does not exist.
        ConnectionFailed: The service does not answer at the start.
    """
    require_reachable(denoising.denoiser)
    return Watch(
        selection, Targets(placement), denoising, report("denoised", as_json=as_json, quiet=denoising.quiet)
    ).run()


@dataclass
class Watch:
    """A run that goes on until it is interrupted, and waits for folders and services that come back.

    Args:
        selection: The inputs.
        targets: The files of the results.
        denoising: How images are denoised.
        reporter: Gets the outcomes.
        pause: Waits for the given seconds.
    """

    selection: Selection
    targets: Targets
    denoising: Denoising
    reporter: Report
    pause: Callable[[float], None] = time.sleep
    _arrivals: Arrivals = field(default_factory=Arrivals)
    _passed: set[Passed] = field(default_factory=set)
    _folders: "_Notices" = field(default_factory=lambda: _Notices())
    _service: "_Notices" = field(default_factory=lambda: _Notices())
    _results: "_Notices" = field(default_factory=lambda: _Notices())

    def run(self) -> bool:
        """Denoise present and arriving images until the interrupt; return whether nothing failed.

        Raises:
            UsageError: An input does not exist or cannot be read at the start.
        """
        for trouble in self.selection.find(waiting=True).troubles.values():
            raise UsageError(describe(trouble))
        succeeded = True
        with self.reporter:
            try:
                while True:
                    succeeded &= self.look()
                    self.pause(LOOK_EVERY_S)
            except KeyboardInterrupt:
                return succeeded

    def look(self) -> bool:
        """Denoise what is complete now; return whether nothing failed for good.

        Raises:
            BrokenPipeError: Nobody reads the report anymore.
        """
        if not self.reporter.wanted():
            raise BrokenPipeError
        found = self.selection.find(waiting=True)
        self._folders.say({str(path): describe(trouble, of=path) for path, trouble in found.troubles.items()})
        passed = [each for each in found.passed if each.reason == "not an image" and each not in self._passed]
        self._passed.update(passed)
        self.reporter.pass_over(passed)
        self.targets.assign(found.sources)
        succeeded, jobs = True, []
        for source in self._arrivals.ready(found.sources):
            try:
                jobs.append(self.targets.job(source, changed=self._arrivals.came_again(source.path)))
            except UsageError as exc:
                self.reporter.tell(
                    Outcome(source.path, None, "failed", describe(exc, of=source.path), {"error": describe(exc)})
                )
                succeeded = False
        return self._denoise(jobs) and succeeded

    def _denoise(self, jobs: list[Job]) -> bool:
        """Denoise images; those whose outcome the service or the share prevented come again at the next look."""
        pending = {job.source: job for job in jobs}
        listener = _Retrying(self.reporter, self._arrivals, pending, self.denoising.denoiser)
        # The service or the disk may be away for longer than a call is repeated.
        with suppress(ConnectionFailed, NoRoom):
            self.denoising.run(jobs, listener)
        if pending:
            self._wait_for_service()
            self._wait_for_room(pending.values())
        for path in pending:
            self._arrivals.forget(path)
        return listener.succeeded

    def _wait_for_service(self) -> None:
        while trouble := _absence(self.denoising.denoiser):
            self._service.say({"the service": describe(trouble)})
            self.pause(LOOK_EVERY_S)
        self._service.say({})

    def _wait_for_room(self, jobs: Collection[Job]) -> None:
        while troubles := {str(job.target.parent): describe(trouble) for job in jobs if (trouble := _obstacle(job))}:
            self._results.say(troubles)
            self.pause(LOOK_EVERY_S)
        self._results.say({})


class _Notices:
    """Sentences about what is away, each said once while it lasts."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def say(self, troubles: dict[str, str]) -> None:
        """Say what is new, and what is there again."""
        for name, words in troubles.items():
            if name not in self._said:
                typer.echo(f"{words} (waiting)", err=True)
        for name in self._said.keys() - troubles.keys():
            typer.echo(f"{name} is there again", err=True)
        self._said = dict(troubles)


class _Retrying:
    """A report that leaves out failures that are not the image's fault: those images come again.

    Args:
        report: Gets the outcomes.
        arrivals: Knows which files changed in the meantime.
        pending: Images without an outcome; the others are removed.
        denoiser: Tells whether the service is there.
    """

    def __init__(self, report: Report, arrivals: Arrivals, pending: dict[Path, Job], denoiser: Denoiser) -> None:
        self._report, self._arrivals, self._pending, self._denoiser = report, arrivals, pending, denoiser
        self.succeeded = True

    def tell(self, outcome: Outcome) -> None:
        """Pass on the outcome, unless the image is to come again."""
        if outcome.status == "failed" and self._comes_again(outcome):
            return
        self._pending.pop(outcome.source, None)
        self.succeeded &= outcome.succeeded
        self._report.tell(outcome)

    def _comes_again(self, outcome: Outcome) -> bool:
        """Return whether the service or a share was away, a disk full, or the file still being written."""
        error = outcome.error
        if isinstance(error, ProblemError):
            return is_transient(error)
        if isinstance(error, ConnectionFailed):
            return _absence(self._denoiser) is not None
        away = is_away(error, outcome.source)
        return away or (isinstance(error, OSError) and self._arrivals.changed(outcome.source))

    def expect(self, count: int) -> None:
        """Pass on the number."""
        self._report.expect(count)

    def wanted(self) -> bool:
        """Return whether anybody still reads the report."""
        return self._report.wanted()

    def on_progress(self) -> OnProgress | None:
        """Pass on the receiver."""
        return self._report.on_progress()


def _absence(denoiser: Denoiser) -> ConnectionFailed | ProblemError | None:
    """Return the error of a service that is away, starting or ending; None if it is ready."""
    try:
        denoiser.with_options(retries=Retries(tries=1)).raw.ready()
    except ConnectionFailed as error:
        return error
    except ProblemError as error:
        # Here a 504 is a proxy's, of a service that does not answer: readiness takes no time.
        return error if is_transient(error) or isinstance(error, DeadlineExceeded) else None
    except UnexpectedResponse:
        return None
    return None


def _obstacle(job: Job) -> NoRoom | None:
    """Return why a result cannot be written for now; None if it can."""
    try:
        require_room(job.source, job.target)
    except NoRoom as error:
        return error
    return None
