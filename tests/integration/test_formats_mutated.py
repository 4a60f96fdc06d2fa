"""Mutated files of every format against a real process: never a 5xx, a broken connection, a leak or growth.

``TEST_MUTANTS=10000`` tries that many; the suite tries a few hundred. ``--junitxml`` has the
number of answers by status, and the growth of the resident memory.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.failures.mutations import MUTATIONS, SETTINGS, Answer, Mutant, Rng, attack, originals
from bench.server import Server, resident_bytes, service
from tests.unit.service.imaging.format_files import files, variants

MUTANTS = int(os.environ.get("TEST_MUTANTS", "320"))
SEED = 7
#: Files sent before growth is measured: libraries load and allocators fill.
WARM_UP = 400
MOST_GROWN_BYTES = 64 * 2**20


def insert(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    """Insert random bytes."""
    at = int(rng.integers(4, len(data)))
    return data[:at] + rng.bytes(int(rng.integers(1, 64))) + data[at:]


def duplicate_bytes(rng: Rng, data: bytes, others: list[bytes]) -> bytes:
    """Write a few bytes of the file over others of it."""
    size = int(rng.integers(1, 32))
    source, target = (int(at) for at in rng.integers(4, max(5, len(data) - size), 2))
    return data[:target] + data[source : source + size] + data[target + size :]


def mutants(count: int, *, seed: int) -> Iterator[Mutant]:
    """Yield mutated files, taking every kind and every mutation in turn."""
    kinds = originals() | files() | variants()
    mutations = (*MUTATIONS, insert, duplicate_bytes)
    names, bodies = list(kinds), list(kinds.values())
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        mutate = mutations[index // len(names) % len(mutations)]
        kind = names[index % len(names)]
        yield Mutant(index, f"{kind}, {mutate.__name__}", mutate(rng, kinds[kind], bodies))


@pytest.fixture(scope="module")
def server(stand_ins: Path) -> Iterator[Server]:
    """A process of its own."""
    with service(SETTINGS | {"BIASFREE_MODELS_DIR": str(stand_ins)}) as running:
        yield running


def test_mutated_files_of_every_format_never_break_the_server(
    server: Server, record_property: Callable[[str, object], None]
) -> None:
    """Each is denoised or refused; the process lives on, as large as it was."""
    attack(server, mutants(min(MUTANTS, WARM_UP), seed=SEED + 1))
    before = resident_bytes(server.process.pid)

    answers: list[Answer] = attack(server, mutants(MUTANTS, seed=SEED))

    grown = resident_bytes(server.process.pid) - before
    record_property("answers", sorted(Counter(answer.status for answer in answers).items()))
    record_property("grown_mb", round(grown / 2**20, 1))
    assert [answer for answer in answers if answer.failed] == []
    assert server.process.poll() is None
    assert grown < MOST_GROWN_BYTES
