"""Which tiles run next: the batching policy, without threads, clocks or devices.

The unit of work is a tile. Tiles are taken round-robin over jobs, so a large image does not starve small ones; a batch
holds tiles of one model and one shape up to a budget of pixels; a batch is there as soon as there is any tile.
A request is admitted once, with all its pixels; the queue is bounded by the seconds that the admitted work is predicted
to take, from the pixel rate measured so far.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from service.errors import QueueFull
from service.inference.tiling import FloatArray

#: Weight of a batch in the measured rate: a few decide, and one slow batch does not.
RATE_SMOOTHING = 0.2
#: Batches below this many pixels weigh less: what they take is mostly the call, which says little of the rate.
FULL_WEIGHT_PX = 2**18


@dataclass(eq=False)
class Admission:
    """Room in the queue for one request, however many jobs it comes in.

    Attributes:
        model: Name of the model that denoises its tiles.
        pixels_left: Pixels of tiles, halos included, that the device has not been given yet.
    """

    model: str
    pixels_left: int


@dataclass(eq=False)
class Job:
    """Tiles of one request that wait or run.

    Args:
        admission: The request's.
        tiles: (C, P, Q) float32, all of one shape.
    """

    admission: Admission
    tiles: Sequence[FloatArray]
    waiting: deque[int] = field(init=False)
    results: dict[int, FloatArray] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.waiting = deque(range(len(self.tiles)))

    @property
    def key(self) -> tuple[str, tuple[int, ...]]:
        """What tiles of one batch have in common."""
        return self.admission.model, self.tiles[0].shape

    @property
    def tile_px(self) -> int:
        """Pixels of one tile."""
        return int(self.tiles[0].shape[1] * self.tiles[0].shape[2])

    @property
    def complete(self) -> bool:
        """Every tile has its result."""
        return len(self.results) == len(self.tiles)


@dataclass(frozen=True)
class Batch:
    """Tiles that run together: each a job and the index of one of its tiles."""

    model: str
    entries: tuple[tuple[Job, int], ...]

    @property
    def pixels(self) -> int:
        """Pixels of all tiles."""
        return sum(job.tile_px for job, _ in self.entries)

    @property
    def tiles(self) -> list[FloatArray]:
        """The tiles, in the order of ``entries``."""
        return [job.tiles[index] for job, index in self.entries]

    def halves(self) -> tuple["Batch", "Batch"]:
        """The same tiles as two batches."""
        middle = len(self.entries) // 2
        return Batch(self.model, self.entries[:middle]), Batch(self.model, self.entries[middle:])


class BatchPolicy:
    """The queue: jobs go in, batches come out.

    Args:
        budget_px: Pixels of one batch; a single tile may exceed it.
        limit_s: Predicted seconds of queued work past which a job is refused.
        rates_px_s: First estimate of each model's pixel rate.
    """

    def __init__(self, *, budget_px: int, limit_s: float, rates_px_s: dict[str, float]) -> None:
        self.budget_px = budget_px
        self._limit_s = limit_s
        self._rates_px_s = dict(rates_px_s)
        self._rotation: deque[Job] = deque()
        self._admissions: set[Admission] = set()

    @property
    def predicted_s(self) -> float:
        """Seconds that the admitted work will take at the measured rates."""
        return sum(each.pixels_left / self._rates_px_s[each.model] for each in self._admissions)

    def __len__(self) -> int:
        return len(self._rotation)

    @property
    def idle(self) -> bool:
        """No request is admitted."""
        return not self._admissions

    def require_room(self) -> None:
        """Refuse where the bound is exceeded already. An empty queue has room for any image.

        Raises:
            QueueFull: The work ahead takes longer than the bound; ``facts`` has ``retry_after_s``, ``limit`` and
                ``actual`` in seconds.
        """
        ahead_s = self.predicted_s
        if ahead_s > self._limit_s:
            raise QueueFull(
                f"{ahead_s:.1f} s of work are queued, at most {self._limit_s:g} s are accepted",
                limit=self._limit_s,
                actual=round(ahead_s, 3),
                retry_after_s=ahead_s - self._limit_s,
            )

    def admit(self, model: str, pixels: int) -> Admission:
        """Let a request in, once for all the jobs it will come in; ``release`` ends it.

        Args:
            model: Name of a model.
            pixels: Pixels of all its tiles.

        Raises:
            QueueFull: As ``require_room``.
        """
        self.require_room()
        admission = Admission(model, pixels)
        self._admissions.add(admission)
        return admission

    def release(self, admission: Admission) -> None:
        """The request is over; what it has not used of its room is free."""
        self._admissions.discard(admission)

    def add(self, job: Job) -> None:
        """Queue a job of an admitted request."""
        self._rotation.append(job)

    def remove(self, job: Job) -> None:
        """Forget a job's waiting tiles: its client left, its deadline passed, or it failed."""
        job.waiting.clear()
        self._forget([job])

    def next_batch(self) -> Batch | None:
        """Take the tiles that run next, or None if none waits.

        The job at the front decides model and shape; every job with tiles of that kind gives one in turn until the
        budget is full. Those that gave go to the back, the one that gave last to the very end.
        """
        if not self._rotation:
            return None
        front = self._rotation[0]
        jobs = [job for job in self._rotation if job.key == front.key]
        room = max(1, self.budget_px // front.tile_px)
        entries = _round_robin(jobs, room)
        for job, _ in entries:
            job.admission.pixels_left = max(0, job.admission.pixels_left - job.tile_px)
        latest_first = dict.fromkeys(job for job, _ in reversed(entries))  # a set that keeps the order
        self._forget(latest_first)
        self._rotation.extend(job for job in reversed(latest_first) if job.waiting)
        return Batch(front.admission.model, tuple(entries))

    def observe(self, batch: Batch, seconds: float) -> None:
        """Learn a model's pixel rate from a batch that took ``seconds``."""
        measured = batch.pixels / max(seconds, 1e-9)
        rate = self._rates_px_s[batch.model]
        # The mean of times, not of rates: it is time that is predicted.
        weight = RATE_SMOOTHING * min(1.0, batch.pixels / FULL_WEIGHT_PX)
        self._rates_px_s[batch.model] = 1 / ((1 - weight) / rate + weight / measured)

    def halve_budget(self, *, below_px: int) -> None:
        """The device had no memory for ``below_px`` pixels: allow half of that at most from now on."""
        self.budget_px = max(1, min(self.budget_px, below_px // 2))

    def _forget(self, jobs: Iterable[Job]) -> None:
        gone = set(jobs)
        self._rotation = deque(job for job in self._rotation if job not in gone)


def _round_robin(jobs: Sequence[Job], room: int) -> list[tuple[Job, int]]:
    """One waiting tile of each job in turn, until ``room`` tiles are taken or none waits."""
    entries: list[tuple[Job, int]] = []
    while len(entries) < room and (givers := [job for job in jobs if job.waiting]):
        entries.extend((job, job.waiting.popleft()) for job in givers[: room - len(entries)])
    return entries
