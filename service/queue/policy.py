"""The batching policy, which decides what tiles run next, without threads, clocks or devices.

The unit of work is a tile. Small requests have a separate lane, so that they never wait for a tile of a large one.
Within a lane, tiles are taken round-robin over jobs. A batch has tiles of one model and one shape, up to a budget of
pixels; it is ready as soon as there is any tile. A request is admitted once, with all its pixels. The queue is bounded
by the time that the admitted work is predicted to take, from the pixel rate measured so far.
"""

import math
from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from biasfree.pixels import FloatArray
from service.errors import QueueFull
from service.queue.occupancy import Occupancy
from service.queue.rates import Rates

#: Share by which each successful batch increases a reduced budget: about 180 batches undo a halving.
RECOVERY = 1 / 256


class Lane(StrEnum):
    """A lane of the queue."""

    EXPRESS = "express"
    BULK = "bulk"


@dataclass(eq=False)
class Admission:
    """The room in the queue for one request, with any number of jobs.

    Attributes:
        model: Name of the model that denoises its tiles.
        lane: Lane of its tiles.
        pixels_left: Pixels of its tiles that are not done yet, halos included.
    """

    model: str
    lane: Lane
    pixels_left: int


@dataclass(eq=False)
class Job:
    """The tiles of one request that wait or run.

    Args:
        admission: Admission of the request.
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
        """Return what all tiles of one batch have in common."""
        return self.admission.model, self.tiles[0].shape

    @property
    def tile_px(self) -> int:
        """Return the number of pixels of one tile."""
        return int(self.tiles[0].shape[1] * self.tiles[0].shape[2])

    @property
    def complete(self) -> bool:
        """Tell whether every tile has its result."""
        return len(self.results) == len(self.tiles)


@dataclass(frozen=True)
class Batch:
    """A batch of tiles, each given by a job and the index of a tile in it."""

    model: str
    entries: tuple[tuple[Job, int], ...]

    @property
    def pixels(self) -> int:
        """Return the number of pixels of all tiles."""
        return sum(job.tile_px for job, _ in self.entries)

    @property
    def tiles(self) -> list[FloatArray]:
        """Return the tiles, in the order of ``entries``."""
        return [job.tiles[index] for job, index in self.entries]

    def halves(self) -> tuple["Batch", "Batch"]:
        """Split it into two batches."""
        middle = len(self.entries) // 2
        return Batch(self.model, self.entries[:middle]), Batch(self.model, self.entries[middle:])


class BatchPolicy:
    """The queue: jobs go in, batches come out.

    Args:
        budget_px: Maximum pixels per batch; a single tile may exceed it.
        limit_s: Predicted seconds of queued work beyond which a request is refused.
        rates_px_s: First estimate of each model's pixel rate.
        express_px: Maximum pixels of a request in the express lane; None if there is only one lane.
    """

    def __init__(
        self, *, budget_px: int, limit_s: float, rates_px_s: dict[str, float], express_px: int | None = None
    ) -> None:
        self.budget_px = self._full_budget_px = budget_px
        self._limit_s, self._express_px = limit_s, express_px
        self._rates = Rates(rates_px_s)
        self._rotations: dict[Lane, deque[Job]] = {lane: deque() for lane in Lane}
        self._admissions: set[Admission] = set()
        self._occupancy: Occupancy[Batch] = Occupancy()

    @property
    def predicted_s(self) -> float:
        """Return the seconds that the admitted work will take at the measured rates."""
        return self._ahead_s(Lane.BULK)

    @property
    def pixels(self) -> int:
        """Return the pixels of admitted tiles that are not done, halos included."""
        return sum(each.pixels_left for each in self._admissions)

    def __len__(self) -> int:
        return sum(map(len, self._rotations.values()))

    def waiting(self, lane: Lane) -> int:
        """Return the number of waiting tiles in a lane."""
        return sum(len(job.waiting) for job in self._rotations[lane])

    @property
    def idle(self) -> bool:
        """Tell whether no request is admitted."""
        return not self._admissions

    def place(self, admissions: Collection[Admission]) -> int | None:
        """Return the place of a request among those whose tiles wait in its lane, from 1; None if none of its do."""
        for rotation in self._rotations.values():
            order = dict.fromkeys(job.admission for job in rotation)
            for place, admission in enumerate(order, start=1):
                if admission in admissions:
                    return place
        return None

    def left_s(self, admissions: Collection[Admission], now_s: float, *, most_px: float = math.inf) -> float | None:
        """Return the predicted seconds until a request is done, with the work of others before; None if unknown.

        The turns within a lane are round-robin: of another request there, it waits for as many pixels as it has itself.
        The seconds fall while a batch runs; one that takes longer than predicted counts as nearly done, until it is.

        Args:
            admissions: The request's; those for a choice of models have room for more pixels than it needs.
            now_s: The time.
            most_px: The most pixels that it still needs.
        """
        if not admissions:
            return None
        lane = next(iter(admissions)).lane
        admitted_px = sum(each.pixels_left for each in self._admissions if each in admissions)
        own_px = min(admitted_px, most_px)
        running_px = self._running_px()
        left_s = 0.0
        for each in filter(lambda each: _counts(each, lane), self._admissions):
            turns_px = max(min(each.pixels_left, own_px), running_px[each])
            if each in admissions:
                turns_px = each.pixels_left * own_px / max(1, admitted_px)
            left_s += self._rates.expected_s(each.model, turns_px if each.lane is lane else each.pixels_left)
        return max(0.0, left_s - self._spent_s(lane, now_s))

    def require_room(self, lane: Lane = Lane.EXPRESS) -> None:
        """Refuse if the work ahead already exceeds the bound. An empty queue has room for any image.

        Args:
            lane: Lane of the request; if its size is not known yet, the lane with more room.

        Raises:
            QueueFull: The work ahead exceeds the bound; ``facts`` has ``retry_after_s``, ``limit`` and ``actual`` in
                seconds.
        """
        ahead_s = self._ahead_s(lane)
        if ahead_s > self._limit_s:
            raise QueueFull(
                f"{ahead_s:.1f} s of work are queued, and the limit is {self._limit_s:g} s: retry later",
                limit=self._limit_s,
                actual=round(ahead_s, 3),
                retry_after_s=ahead_s - self._limit_s,
            )

    def admit(self, model: str, pixels: int, *, beside: Admission | None = None) -> Admission:
        """Admit a request, once for all its jobs, until ``release``.

        Args:
            model: Name of a model.
            pixels: Number of pixels of all its tiles.
            beside: The request's admission for another model; the new one is then always admitted, to the same lane.

        Raises:
            QueueFull: As in ``require_room``.
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
        """End a request, and free the unused part of its room."""
        self._admissions.discard(admission)

    def add(self, job: Job) -> None:
        """Queue a job of an admitted request."""
        self._rotations[job.admission.lane].append(job)

    def remove(self, job: Job) -> None:
        """Remove a job's waiting tiles: its client disconnected, its deadline passed, or it failed."""
        job.waiting.clear()
        self._forget(job.admission.lane, [job])

    def next_batch(self, lane: Lane = Lane.EXPRESS, *, at_most: int | None = None) -> Batch | None:
        """Take the next tiles to run in a lane; return None if none are waiting there.

        The job at the front decides model and shape. Every job with tiles of that kind gives one in turn until the
        budget is full. Those jobs then go to the back of the queue, in the order of their last tiles.

        Args:
            lane: The lane.
            at_most: Maximum number of tiles, to leave some for other workers.
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
        latest_first = dict.fromkeys(job for job, _ in reversed(entries))  # an ordered set
        self._forget(lane, latest_first)
        self._rotations[lane].extend(job for job in reversed(latest_first) if job.waiting)
        return Batch(front.admission.model, tuple(entries))

    def began(self, batch: Batch, now_s: float) -> None:
        """Record that a batch runs from ``now_s``, on any monotonic clock."""
        self._occupancy.begin(batch, now_s)

    def failed(self, batch: Batch, now_s: float) -> None:
        """Record that a batch failed; its time does not count for the rate, and its tiles are still to be done."""
        self._occupancy.end(batch, now_s)

    def done(self, batch: Batch, now_s: float) -> None:
        """Record that a batch succeeded; update the model's rate, and increase a reduced budget a little."""
        self._rates.measured(batch.model, batch.pixels, self._occupancy.end(batch, now_s))
        for job, _ in batch.entries:
            job.admission.pixels_left = max(0, job.admission.pixels_left - job.tile_px)
        self.budget_px = min(self._full_budget_px, self.budget_px + math.ceil(self.budget_px * RECOVERY))

    def halve_budget(self, *, below_px: int) -> None:
        """Limit batches to half of ``below_px`` pixels, for which the device had no memory."""
        self.budget_px = max(1, min(self.budget_px, below_px // 2))

    def _ahead_s(self, lane: Lane) -> float:
        """Return the seconds of work ahead of a new request in a lane."""
        counted = (each for each in self._admissions if _counts(each, lane))
        return sum(self._rates.promised_s(each.model, each.pixels_left) for each in counted)

    def _running_px(self) -> Counter[Admission]:
        """Return the pixels of each request in running batches."""
        running: Counter[Admission] = Counter()
        for batch in self._occupancy.running:
            for job, _ in batch.entries:
                running[job.admission] += job.tile_px
        return running

    def _spent_s(self, lane: Lane, now_s: float) -> float:
        """Return the seconds of work before a lane that running batches have done, each at most its prediction."""
        spent_s = 0.0
        for batch, share_s in self._occupancy.shares_s(now_s).items():
            counted = (job for job, _ in batch.entries if job.admission in self._admissions)
            pixels = sum(job.tile_px for job in counted if _counts(job.admission, lane))
            spent_s += min(share_s * pixels / batch.pixels, self._rates.expected_s(batch.model, pixels))
        return spent_s

    def _forget(self, lane: Lane, jobs: Iterable[Job]) -> None:
        gone = set(jobs)
        self._rotations[lane] = deque(job for job in self._rotations[lane] if job not in gone)


def _counts(admission: Admission, lane: Lane) -> bool:
    """Tell whether a request delays those of a lane; bulk work does not delay express work."""
    return lane is Lane.BULK or admission.lane is Lane.EXPRESS


def _round_robin(jobs: Sequence[Job], room: int) -> list[tuple[Job, int]]:
    """Take one waiting tile of each job in turn, until there are ``room`` tiles or none is left."""
    entries: list[tuple[Job, int]] = []
    while len(entries) < room and (givers := [job for job in jobs if job.waiting]):
        entries.extend((job, job.waiting.popleft()) for job in givers[: room - len(entries)])
    return entries
