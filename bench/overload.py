"""A load of ten times the capacity: how much is still served, how fast requests are refused, how soon it recovers."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.flood import Flooder, Plan
from bench.load import Connection, Load, Outcome, Request, closed_loop, quantile
from bench.payloads import UINT8, as_npy, noise
from bench.probe import Probe
from bench.rows import Row
from bench.server import service

SIDE, CLIENTS = 512, 16
QUEUE_LIMIT_S, PEAK_S, OVERLOAD_S, FACTOR = 3.0, 20.0, 60.0, 10.0
#: Single requests that measure the idle latency, after the same number to warm up.
LONE = 30
#: Requests that estimate how many are needed for the peak.
TRIAL = 64
POLLS_PER_S = 10
#: Pause between single requests after the load, and time after which the service counts as not recovered.
PAUSE_S, GIVE_UP_S = 0.02, 60.0
#: Time before the load begins, so that everything is ready.
LEAD_S = 0.2


@dataclass(frozen=True)
class Overload:
    """The measurements of one overload.

    Attributes:
        load: The open loop.
        seconds: Its duration.
        rate_per_s: Its intended rate.
        peak_per_s: Goodput of the closed loop.
        idle_s: Latency of a single request before.
        queue_limit_s: The service's bound.
        health_s: Latencies of ``/healthz`` during the load, each from when it was due.
        recovered_s: Time from the last request of the load until a single one was fast again; infinite if never.
    """

    load: Load
    seconds: float
    rate_per_s: float
    peak_per_s: float
    idle_s: float
    queue_limit_s: float
    health_s: tuple[float, ...]
    recovered_s: float

    @property
    def refused(self) -> tuple[Outcome, ...]:
        """Return the outcomes with status 429."""
        return tuple(each for each in self.load.outcomes if each.status == 429)

    @property
    def goodput_per_s(self) -> float:
        """Return the requests served per second during the load."""
        return sum(each.end_s <= self.seconds for each in self.load.served) / self.seconds

    @property
    def offered_per_s(self) -> float:
        """Return the requests actually sent per second."""
        return sum(each.start_s <= self.seconds for each in self.load.outcomes) / self.seconds


def rows(
    *,
    queue_limit_s: float = QUEUE_LIMIT_S,
    peak_s: float = PEAK_S,
    overload_s: float = OVERLOAD_S,
    factor: float = FACTOR,
) -> Iterator[Row]:
    """Measure goodput, latencies, refusals and recovery.

    Args:
        queue_limit_s: The service's bound on queued work.
        peak_s: Approximate duration of the closed loop.
        overload_s: Duration of the open loop.
        factor: Rate of the open loop over the peak rate.
    """
    request = as_npy(noise(np.random.default_rng(0), SIDE, SIDE, UINT8))
    with service({"BIASFREE_QUEUE_LIMIT_S": f"{queue_limit_s:g}"}) as server:
        idle_s = _idle_s(server.url, request)
        peak_per_s = _peak_per_s(server.url, request, peak_s)
        # Twice the capacity of the queue, plus some for refused requests.
        connections = 64 + round(2 * peak_per_s * (queue_limit_s + 1))
        plan = Plan(server.url, request, factor * peak_per_s, overload_s, connections)
        load, health_s, recovered_s = _flooded(plan, idle_s)
    yield from _report(
        Overload(load, overload_s, plan.rate_per_s, peak_per_s, idle_s, queue_limit_s, health_s, recovered_s)
    )


def _report(measured: Overload) -> Iterator[Row]:
    """Yield every row of one measurement."""
    yield _offered(measured)
    yield _statuses(measured)
    yield _refusals(measured)
    yield _goodput(measured)
    yield _accepted(measured)
    yield _health(measured)
    yield _recovery(measured)


def _offered(measured: Overload) -> Row:
    return Row(
        f"Overload, {SIDE} x {SIDE} uint8 NPY, {measured.seconds:g} s: what the clients really sent",
        f"{measured.offered_per_s:.1f} requests/s",
        f"{measured.rate_per_s:.1f} intended",
        measured.offered_per_s / measured.rate_per_s,
        "at least 0.95, or the clients are measured",
    )


def _statuses(measured: Overload) -> Row:
    counts = sorted(Counter(each.status for each in measured.load.outcomes).items())
    told = ", ".join(f"{count} x {status or 'no answer'}" for status, count in counts)
    return Row("Overload: answers by status", told, wanted="only 200 and 429")


def _refusals(measured: Overload) -> Row:
    silent = sum(each.retry_after_s is None or each.retry_after_s < 1 for each in measured.refused)
    p99_s = quantile((each.seconds for each in measured.refused), 0.99)
    return Row(
        "Overload: p99 latency of a 429, and how many of them were without `Retry-After` of 1 s or more",
        f"{1000 * p99_s:.0f} ms, {silent} of {len(measured.refused)}",
        wanted="quick, 0",
    )


def _goodput(measured: Overload) -> Row:
    return Row(
        f"Overload: goodput, against the peak of a closed loop of {CLIENTS} clients",
        f"{measured.goodput_per_s:.1f} images/s",
        f"{measured.peak_per_s:.1f} images/s",
        measured.goodput_per_s / measured.peak_per_s,
        "at least 0.90",
    )


def _accepted(measured: Overload) -> Row:
    seconds = [each.seconds for each in measured.load.served]
    bound_s = measured.queue_limit_s + 2 * measured.idle_s
    return Row(
        "Overload: p99 latency of what was accepted",
        f"{quantile(seconds, 0.99):.2f} s (median {quantile(seconds, 0.5):.2f} s)",
        wanted=f"below {bound_s:.2f} s: the bound of {measured.queue_limit_s:g} s and twice {measured.idle_s:.3f} s",
    )


def _health(measured: Overload) -> Row:
    p99_s = quantile(measured.health_s, 0.99)
    what = f"Overload: p99 latency of `/healthz`, {POLLS_PER_S} times per second on a separate connection"
    told = f"{1000 * p99_s:.0f} ms (at most {1000 * max(measured.health_s):.0f} ms)"
    return Row(what, told, wanted="below 100 ms")


def _recovery(measured: Overload) -> Row:
    found = measured.recovered_s
    told = f"{found:.2f} s" if math.isfinite(found) else f"not within {GIVE_UP_S:g} s"
    what = f"After the overload: until a lone request takes at most twice its idle {1000 * measured.idle_s:.0f} ms"
    return Row(what, told, wanted="below 5 s")


def _idle_s(url: str, request: Request) -> float:
    closed_loop(url, [request] * LONE, clients=1).require_served()
    return closed_loop(url, [request] * LONE, clients=1).require_served().latency_s(0.5)


def _peak_per_s(url: str, request: Request, seconds: float) -> float:
    trial = closed_loop(url, [request] * TRIAL, clients=CLIENTS)
    count = max(CLIENTS, round(seconds * len(trial.served) / trial.seconds))
    # On a slow machine even these clients sometimes fill the queue; refused requests are not goodput.
    load = closed_loop(url, [request] * count, clients=CLIENTS)
    return len(load.served) / load.seconds


def _flooded(plan: Plan, idle_s: float) -> tuple[Load, tuple[float, ...], float]:
    with Flooder() as flooder:
        begin = time.perf_counter() + LEAD_S
        pending = flooder.start(plan, begin=begin)
        health_s = _health_s(plan.url, begin, plan.seconds)
        recovered_s = _recovered_s(plan, 2 * idle_s, begin + plan.seconds)
        return pending.result(), health_s, recovered_s


def _health_s(url: str, begin: float, seconds: float) -> tuple[float, ...]:
    """Measure latencies from when each poll was due, so that a hanging poll counts for all those it delays."""
    latencies = []
    with Probe(url) as probe:
        for index in range(round(seconds * POLLS_PER_S)):
            due = begin + index / POLLS_PER_S
            time.sleep(max(0.0, due - time.perf_counter()))
            latencies.append(probe.healthz() - due)
    return tuple(latencies)


def _recovered_s(plan: Plan, fast_s: float, end: float) -> float:
    """Measure the seconds from ``end`` to the end of the first fast single request."""
    time.sleep(max(0.0, end - time.perf_counter()))
    with Connection(plan.url, end) as connection:
        while (outcome := connection.send(plan.request)).start_s < GIVE_UP_S:
            if outcome.status == 200 and outcome.seconds <= fast_s:
                return outcome.end_s
            time.sleep(PAUSE_S)
    return math.inf
