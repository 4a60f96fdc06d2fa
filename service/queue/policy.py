"""Which tiles run next: the batching policy, without threads, clocks or devices.

The unit of work is a tile. Small requests have a lane of their own, so that they never wait for a tile of a large one;
within a lane tiles are taken round-robin over jobs. A batch holds tiles of one model and one shape up to a budget of
pixels; a batch is there as soon as there is any tile. A request is admitted once, with all its pixels; the queue is
bounded by the seconds that the admitted work ahead is predicted to take, from the pixel rate measured so far.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from biasfree.pixels import FloatArray
from service.errors import QueueFull
from service.queue.occupancy import Occupancy

#: Weights of a batch in the measured rate, where it was slower and where it was faster than thought: a few decide, and
#: one does not. The bound is a promise, so that it errs on the long side: a device whose speed varies is taken for as
#: fast as it is in about four batches of five (an expectile).
SLOWER, FASTER = 0.2, 0.05
#: Batches below this many pixels weigh less: what they take is mostly the call, which says little of the rate.
FULL_WEIGHT_PX = 2**18
#: Each batch that succeeds gives back this share of a budget that was halved: about 180 batches undo a halving.
RECOVERY = 1 / 256


class Lane(StrEnum):
    """Where a request waits."""

    EXPRESS = "express"
    BULK = "bulk"


@dataclass(eq=False)
class Admission:
    """Room in the queue for one request, however many jobs it comes in.

    Attributes:
        model: Name of the model that denoises its tiles.
        lane: Where its tiles wait.
        pixels_left: Pixels of tiles, halos included, that are not done yet.
    """

    model: str
    lane: Lane
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
        express_px: Requests of at most so many pixels take the express lane; None where there is one lane only.
    """

    def __init__(
        self, *, budget_px: int, limit_s: float, rates_px_s: dict[str, float], express_px: int | None = None
    ) -> None:
        self.budget_px = self._full_budget_px = budget_px
        self._limit_s, self._express_px = limit_s, express_px
        self._rates_px_s = dict(rates_px_s)
        self._rotations: dict[Lane, deque[Job]] = {lane: deque() for lane in Lane}
        self._admissions: set[Admission] = set()
        self._occupancy = Occupancy()

    @property
    def predicted_s(self) -> float:
        """Seconds that the admitted work will take at the measured rates."""
        return self._ahead_s(Lane.BULK)

    @property
    def pixels(self) -> int:
        """Pixels of tiles, halos included, that are admitted and not done."""
        return sum(each.pixels_left for each in self._admissions)

    def __len__(self) -> int:
        return sum(map(len, self._rotations.values()))

    def waiting(self, lane: Lane) -> int:
        """Tiles that wait in a lane."""
        return sum(len(job.waiting) for job in self._rotations[lane])

    @property
    def idle(self) -> bool:
        """No request is admitted."""
        return not self._admissions

    def require_room(self, lane: Lane = Lane.EXPRESS) -> None:
        """Refuse where the bound is exceeded already. An empty queue has room for any image.

        Args:
            lane: Of the request; where its size is not known yet, the lane with more room.

        Raises:
            QueueFull: The work ahead takes longer than the bound; ``facts`` has ``retry_after_s``, ``limit`` and
                ``actual`` in seconds.
        """
        ahead_s = self._ahead_s(lane)
        if ahead_s > self._limit_s:
            raise QueueFull(
                f"{ahead_s:.1f} s of work are queued, at most {self._limit_s:g} s are accepted",
                limit=self._limit_s,
                actual=round(ahead_s, 3),
                retry_after_s=ahead_s - self._limit_s,
            )

    def admit(self, model: str, pixels: int, *, beside: Admission | None = None) -> Admission:
        """Let a request in, once for all the jobs it will come in; ``release`` ends it.

        Args:
            model: Name of a model.
            pixels: Pixels of all its tiles.
            beside: What the request has already, for another model; it is let in with that, and waits where that does.

        Raises:
            QueueFull: As ``require_room``.
        """
        small = self._express_px is None or pixels <= self._express_px
        lane = Lane.EXPRESS if small else Lane.BULK
        if beside is None:
            self.require_room(lane)
        else:
            lane = beside.lane
        admission = Admission(model, lane, pixels)
        self._admissions.add(admission)
        return admission

    def release(self, admission: Admission) -> None:
        """The request is over; what it has not used of its room is free."""
        self._admissions.discard(admission)

    def add(self, job: Job) -> None:
        """Queue a job of an admitted request."""
        self._rotations[job.admission.lane].append(job)

    def remove(self, job: Job) -> None:
        """Forget a job's waiting tiles: its client left, its deadline passed, or it failed."""
        job.waiting.clear()
        self._forget(job.admission.lane, [job])

    def next_batch(self, lane: Lane = Lane.EXPRESS, *, at_most: int | None = None) -> Batch | None:
        """Take the tiles that run next in a lane, or None if none waits there.

        The job at the front decides model and shape; every job with tiles of that kind gives one in turn until the
        budget is full. Those that gave go to the back, the one that gave last to the very end.

        Args:
            lane: Where to take them.
            at_most: Tiles, where others shall have some too.
        """
        rotation = self._rotations[lane]
        if not rotation:
            return None
        front = rotation[0]
        jobs = [job for job in rotation if job.key == front.key]
        room = max(1, self.budget_px // front.tile_px)
        if at_most is not None:
            room = min(room, at_most)
        entries = _round_robin(jobs, room)
        latest_first = dict.fromkeys(job for job, _ in reversed(entries))  # a set that keeps the order
        self._forget(lane, latest_first)
        self._rotations[lane].extend(job for job in reversed(latest_first) if job.waiting)
        return Batch(front.admission.model, tuple(entries))

    def began(self, batch: Batch, now_s: float) -> None:
        """A batch runs from ``now_s``, on any clock that only goes forward."""
        self._occupancy.begin(batch, now_s)

    def failed(self, batch: Batch, now_s: float) -> None:
        """It failed, which says nothing of the device's rate; its tiles are still to be done."""
        self._occupancy.end(batch, now_s)

    def done(self, batch: Batch, now_s: float) -> None:
        """It succeeded: its share of the device teaches the model's rate, and a halved budget recovers a bit."""
        measured = batch.pixels / max(self._occupancy.end(batch, now_s), 1e-9)
        rate = self._rates_px_s[batch.model]
        smoothing = SLOWER if measured < rate else FASTER
        # The mean of times, not of rates: it is time that is predicted.
        weight = smoothing * min(1.0, batch.pixels / FULL_WEIGHT_PX)
        self._rates_px_s[batch.model] = 1 / ((1 - weight) / rate + weight / measured)
        for job, _ in batch.entries:
            job.admission.pixels_left = max(0, job.admission.pixels_left - job.tile_px)
        self.budget_px = min(self._full_budget_px, self.budget_px + math.ceil(self.budget_px * RECOVERY))

    def halve_budget(self, *, below_px: int) -> None:
        """The device had no memory for ``below_px`` pixels: allow half of that at most from now on."""
        self.budget_px = max(1, min(self.budget_px, below_px // 2))

    def _ahead_s(self, lane: Lane) -> float:
        """Seconds of work that a new request of a lane would find before it; bulk does not hold up express."""
        ahead = (each for each in self._admissions if lane is Lane.BULK or each.lane is Lane.EXPRESS)
        return sum(each.pixels_left / self._rates_px_s[each.model] for each in ahead)

    def _forget(self, lane: Lane, jobs: Iterable[Job]) -> None:
        gone = set(jobs)
        self._rotations[lane] = deque(job for job in self._rotations[lane] if job not in gone)


def _round_robin(jobs: Sequence[Job], room: int) -> list[tuple[Job, int]]:
    """One waiting tile of each job in turn, until ``room`` tiles are taken or none waits."""
    entries: list[tuple[Job, int]] = []
    while len(entries) < room and (givers := [job for job in jobs if job.waiting]):
        entries.extend((job, job.waiting.popleft()) for job in givers[: room - len(entries)])
    return entries
