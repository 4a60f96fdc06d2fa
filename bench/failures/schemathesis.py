"""Cases that schemathesis generates from the OpenAPI document, which must cause no undocumented 5xx and no leak."""

import contextlib
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok

from bench.failures.mutations import originals
from bench.rows import Row
from bench.server import Server, service

CASES, SEED = 5000, 0
#: Maximum number of cases per operation and round: operations without parameters have few different cases.
ROUND = 250
SETTINGS = {"BIASFREE_MAX_PIXELS": "1000000", "BIASFREE_ANALYSIS_MAX_PIXELS": "1024", "BIASFREE_ANALYSIS_MAX_K": "4"}
TIMEOUT_S = 120
#: Text that no answer may contain: tracebacks and the location of the program.
LEAKS = (b"Traceback", b'File "', b"site-packages", str(Path.cwd()).encode(), sys.prefix.encode())
#: First bytes of a file, by media type.
MAGIC = {
    "image/png": b"\x89PNG",
    "image/jpeg": b"\xff\xd8",
    "image/webp": b"RIFF",
    "image/bmp": b"BM",
    "image/tiff": b"II",
    "application/x-npy": b"\x93NUMPY",
}


@dataclass(frozen=True)
class Answer:
    """The outcome of one case; ``status`` 0 means that the connection broke."""

    operation: str
    sent: str
    status: int
    announced: bool
    leak: str

    @property
    def failed(self) -> bool:
        """Tell whether the server misbehaved; a documented 503 or 504 does not count."""
        broken = self.status == 0 or (self.status >= 500 and not (self.status in (503, 504) and self.announced))
        return broken or bool(self.leak) or not self.announced


def rows(*, cases: int = CASES, analysis: bool = True) -> Iterator[Row]:
    """Count the answers to the cases.

    Args:
        cases: Number of cases.
        analysis: True to include ``/analyze``, whose process takes seconds to start.
    """
    with service(SETTINGS | {"BIASFREE_ANALYSIS_ENABLED": f"{analysis}"}) as server:
        answers = attack(server, cases)
        ready = httpx.get(f"{server.url}/readyz", timeout=60).status_code
    for operation, count in sorted(Counter(each.operation for each in answers).items()):
        statuses = sorted(Counter(each.status for each in answers if each.operation == operation).items())
        yield Row(f"{operation}: {count} cases", ", ".join(f"{number} x {status}" for status, number in statuses))
    yield Row(
        "answered with a 503 or 504 that the document has", f"{sum(each.status in (503, 504) for each in answers)}"
    )
    yield Row(
        f"{len(answers)} cases, seed {SEED}: other 5xx, broken connections, leaks, statuses not in the document",
        _told([each for each in answers if each.failed]),
        wanted="0",
    )
    yield Row("/readyz afterwards", f"{ready}", wanted="200")


def attack(server: Server, cases: int) -> list[Answer]:
    """Send cases of every operation in both modes: those that the document allows, and those that it does not."""
    _teach_images()
    document = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    operations = [each.ok() for each in document.get_all_operations() if isinstance(each, Ok)]
    answers: list[Answer] = []
    with requests.Session() as session:
        number = 0
        while len(answers) < cases:
            for operation in operations:
                for mode in GenerationMode:
                    most = min(ROUND, cases // (2 * len(operations)) + 1, cases - len(answers))
                    if most > 0:
                        _some(operation, mode, most, number, lambda case: answers.append(_send(case, session)))
                    number += 1
    return answers


def _teach_images() -> None:
    """Make half of the generated images intact files, since schemathesis alone would send only noise."""
    files = originals().values()
    for media_type, magic in MAGIC.items():
        whole = [each for each in files if each.startswith(magic)]
        schemathesis.openapi.media_type(media_type, st.sampled_from(whole) | st.binary(max_size=512))


def _some(
    operation: "APIOperation[Any, Any, Any, Any]",
    mode: GenerationMode,
    most: int,
    number: int,
    use: Callable[["Case[Any]"], None],
) -> None:
    """Generate up to ``most`` cases of an operation; there may be fewer, or none that the document forbids."""

    @seed(SEED + number)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        derandomize=False,  # the seed fixes the cases
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: "Case[Any]") -> None:
        use(case)

    # A path without parameters forbids nothing, so it has no negative cases.
    with warnings.catch_warnings(), contextlib.suppress(Unsatisfiable):
        warnings.simplefilter("ignore")
        each()


def _send(case: "Case[Any]", session: requests.Session) -> Answer:
    operation = f"{case.operation.method.upper()} {case.operation.path}"
    sent = re.sub(r"\s+", " ", case.as_curl_command())[:300]
    try:
        got = case.call(session=session, timeout=TIMEOUT_S)
    except (requests.ConnectionError, requests.Timeout):
        return Answer(operation, sent, 0, True, "")
    announced = str(got.status_code) in case.operation.definition.raw["responses"]
    leak = next((each.decode() for each in LEAKS if each in got.content), "")
    return Answer(operation, sent, got.status_code, announced, leak)


def _told(failures: Sequence[Answer]) -> str:
    first = [f"{each.status} {each.leak} {each.sent}" for each in failures[:20]]
    return f"{len(failures)}" + (f" ({'; '.join(first)})" if first else "")
