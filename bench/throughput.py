"""Throughput over HTTP: the service against LitServe, BentoML and the raw engine, taking turns round by round.

Every contestant serves the same network on the same cores. A round gives each the same load once. The comparison is the
median of the ratios over the rounds. Waiting contestants are stopped, so that they cost the running one nothing.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property

from bench.contestants import BATCH, awake, contestant, pause
from bench.images import mixed_sides, noisy_photograph, npy, png
from bench.load import Load, Request, closed_loop, median_ratio
from bench.raw import RawEngine, raw_engine
from bench.rows import Row
from bench.server import Server, service

SIDE, ROUNDS = 512, 3
HUGE_SIDE, HUGE_ROUNDS = 4000, 2
OURS = "service"
#: The same service with its optional engine, if the processor supports the precision.
FAST = "service with OpenVINO in bfloat16"
FAST_SETTINGS = {"BIASFREE_ENGINE": "openvino", "BIASFREE_PRECISION": "bfloat16"}
#: Enough for BentoML's dispatcher to finish its training, which takes the first 15 requests.
FIRST_REQUESTS = 20
#: Batch sizes of the raw engine; the better of the two counts.
RAW_BATCHES = (1, 4)
RAW_IMAGES = 8


@dataclass(frozen=True)
class Case:
    """A load: its name, its requests and clients, and the targets for the service.

    Attributes:
        what: Name in the row.
        requests: Requests of one round.
        clients: Number of simultaneous connections.
        wanted: Target for the ratio to the contestants' throughput.
        engine_wanted: Target for the ratio to the raw engine's throughput; if empty, the engine takes no part.
    """

    what: str
    requests: Sequence[Request]
    clients: int
    wanted: str = "at least 1"
    engine_wanted: str = ""


@dataclass(frozen=True)
class Rounds:
    """The results of one contestant in each round."""

    loads: Sequence[Load]

    @cached_property
    def mpx_s(self) -> Sequence[float]:
        """Return the throughput of each round."""
        return [load.mpx_s for load in self.loads]

    def __str__(self) -> str:
        """Return the medians over the rounds as text."""
        half_s, p99_s = (statistics.median(load.latency_s(share) for load in self.loads) for share in (0.5, 0.99))
        return f"{statistics.median(self.mpx_s):.2f} Mpx/s, median {half_s:.2f} s, p99 {p99_s:.2f} s"


def rows() -> Iterator[Row]:
    """Run every measurement: eight minutes if the network does 3.5 Mpx/s, thirteen if it does 1.7.

    Single clients come first because BentoML's dispatcher learns its waiting time from earlier loads.
    """
    with _servers() as servers, raw_engine() as engine:
        for case in cases():
            yield from _compare(servers, engine, case)
        ours = [name for name in (OURS, FAST) if name in servers]
    yield from _huge([*ours, "litserve", "bentoml"])


def cases() -> Iterator[Case]:
    """Yield the loads for every contestant, except the largest image."""
    image = noisy_photograph(SIDE, SIDE)
    formats = {"float32 NPY": (npy(image), "at least 0.93"), "8-bit PNG": (png(image), "at least 0.85")}
    for clients, count in ((1, 8), (4, 16), (16, 32)):
        for name, (request, engine_wanted) in formats.items():
            what = f"{SIDE} x {SIDE} gray {name}, {clients} at once"
            yield Case(what, [request] * count, clients, engine_wanted=engine_wanted if clients == 16 else "")
    sides = mixed_sides(32)
    mixed = [npy(noisy_photograph(side, side, seed=side)) for side in sides]
    yield Case("squares of 64 to 2048, log-uniform, float32 NPY, 16 at once", mixed, 16, "at least 1.3")


@contextmanager
def _servers() -> Iterator[Mapping[str, Server]]:
    """Start and warm up all servers, and stop the contestants."""
    with ExitStack() as stack:
        servers = {OURS: stack.enter_context(service())}
        # It exits at once with status 1 if the processor does not support bfloat16.
        with suppress(RuntimeError):
            servers[FAST] = stack.enter_context(service(FAST_SETTINGS))
            _warm_up(servers[FAST])
        for name in BATCH:
            servers[name] = stack.enter_context(contestant(name))
            _warm_up(servers[name])
            pause(servers[name])
        _warm_up(servers[OURS])
        yield servers


def _warm_up(server: Server) -> None:
    small = npy(noisy_photograph(128, 128))
    closed_loop(server.url, [small] * FIRST_REQUESTS, clients=4).require_served()


def _compare(servers: Mapping[str, Server], engine: RawEngine, case: Case) -> Iterator[Row]:
    """Measure one row per contestant, and one for the engine if it takes part."""
    loads: dict[str, list[Load]] = {name: [] for name in servers}
    engine_mpx_s: dict[int, list[float]] = {batch: [] for batch in RAW_BATCHES}
    for number in range(ROUNDS + 1):
        for name, server in servers.items():
            load = _turn(name, server, case, warm_up=number == 0)
            if number:
                loads[name].append(load)
        for batch in RAW_BATCHES if case.engine_wanted and number else ():
            engine_mpx_s[batch].append(_engine_mpx_s(engine, batch))
    yield from _rows(case, {name: Rounds(each) for name, each in loads.items()})
    if case.engine_wanted:
        best = max(engine_mpx_s, key=lambda batch: statistics.median(engine_mpx_s[batch]))
        yield _engine_row(case, Rounds(loads[OURS]), engine_mpx_s[best], best)


def _turn(name: str, server: Server, case: Case, *, warm_up: bool) -> Load:
    """Run one contestant's load of a round. To warm up, one request per client is enough."""
    requests = case.requests[: case.clients] if warm_up else case.requests
    with nullcontext() if name in (OURS, FAST) else awake(server):
        return closed_loop(server.url, requests, clients=case.clients).require_served()


def _engine_mpx_s(engine: RawEngine, batch: int) -> float:
    seconds = engine.seconds(noisy_photograph(SIDE, SIDE), batch=batch, runs=RAW_IMAGES // batch)
    return RAW_IMAGES * SIDE**2 / sum(seconds) / 1e6


def _rows(case: Case, results: Mapping[str, Rounds]) -> Iterator[Row]:
    for ours in filter(results.__contains__, (OURS, FAST)):
        for name in filter(BATCH.__contains__, results):
            mine, theirs = results[ours], results[name]
            ratio = median_ratio(mine.mpx_s, theirs.mpx_s)
            yield Row(f"{case.what}: {ours} / {name}", str(mine), str(theirs), ratio, case.wanted)


def _engine_row(case: Case, ours: Rounds, engine_mpx_s: Sequence[float], batch: int) -> Row:
    other = f"{statistics.median(engine_mpx_s):.2f} Mpx/s, batches of {batch}"
    ratio = median_ratio(ours.mpx_s, engine_mpx_s)
    return Row(f"{case.what}: service / raw engine", str(ours), other, ratio, case.engine_wanted)


def _huge(names: Sequence[str]) -> Iterator[Row]:
    """Measure one image of 16 megapixels, with each contestant started for its turn.

    ONNX Runtime keeps the gigabytes that such an image takes for as long as its process lives. Batching makes no
    difference to a single request, so each contestant appears once.
    """
    request = npy(noisy_photograph(HUGE_SIDE, HUGE_SIDE))
    case = Case(f"{HUGE_SIDE} x {HUGE_SIDE} gray float32 NPY, 1 at once", [request], 1)
    loads: dict[str, list[Load]] = {name: [] for name in names}
    for _ in range(HUGE_ROUNDS):
        for name, mine in loads.items():
            with _alone(name) as server:
                _warm_up(server)
                mine.append(closed_loop(server.url, case.requests, clients=1).require_served())
    yield from _rows(case, {name: Rounds(each) for name, each in loads.items()})


def _alone(name: str) -> AbstractContextManager[Server]:
    if name == OURS:
        return service()
    return service(FAST_SETTINGS) if name == FAST else contestant(name)
