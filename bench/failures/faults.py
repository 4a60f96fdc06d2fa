"""Faults while the service runs: a dead device thread, a changed weight in memory, a full or read-only disk."""

import io
import time
from collections.abc import Iterator

import httpx
import numpy as np

from bench.failures import sealed
from bench.failures.faulty import DAMAGE, DEATH
from bench.payloads import FLOAT32, PATH, UINT8, as_npy, as_png, noise
from bench.rows import Row
from bench.server import service

#: Interval of the self-check, and the allowance for the check itself, which takes some tens of milliseconds.
INTERVAL_S, CHECK_S = 2.0, 2.0
FAULTY = "bench.failures.faulty"
TIMEOUT_S = 60
SETTINGS = {"BIASFREE_ANALYSIS_ENABLED": "false", "BIASFREE_SELF_CHECK_INTERVAL_S": f"{INTERVAL_S:g}"}
#: Side of an image so large that a form parser would write it to a file.
LARGE_SIDE = 1500
#: Path for images whose pixels do not matter: the fast network takes a quarter of the work.
FAST = "/denoise?model=fast"


def rows() -> Iterator[Row]:
    """Measure how and when each fault is noticed."""
    yield from killed_executor()
    yield from changed_weight()
    if not sealed.possible():
        yield Row("a disk that is full, or read-only", "not tried: mounting is not allowed here")
        return
    yield from temporary_folder("disk full, the log's too", sealed.FULL)
    yield from temporary_folder("temporary folder read-only", sealed.READ_ONLY)


def killed_executor() -> Iterator[Row]:
    """End the device thread in the middle of a batch."""
    with service(SETTINGS, module=FAULTY) as server, httpx.Client(base_url=server.url, timeout=TIMEOUT_S) as client:
        begin = time.perf_counter()
        status = _denoise(client, DEATH)
        answered_s = time.perf_counter() - begin
        code = server.process.wait(timeout=TIMEOUT_S)
        ended_s = time.perf_counter() - begin
    yield Row(
        "the device's thread dies: the request that it was at",
        f"{status} after {answered_s:.2f} s",
        wanted="503 at once",
    )
    yield Row("the same: the process ends", f"exit status {code} after {ended_s:.2f} s", wanted="exit status 1")


def changed_weight() -> Iterator[Row]:
    """Change one bit of one weight in the device's memory."""
    with service(SETTINGS, module=FAULTY) as server, httpx.Client(base_url=server.url, timeout=TIMEOUT_S) as client:
        before = client.get("/readyz").status_code
        _denoise(client, DAMAGE)
        begin = time.perf_counter()
        while (answer := client.get("/readyz")).status_code == 200 and time.perf_counter() - begin < TIMEOUT_S:
            time.sleep(0.01)
        noticed_s = time.perf_counter() - begin
        refused, alive = _denoise(client, 1.0), client.get("/healthz").status_code
    reason = answer.json().get("reason", "")
    yield Row(
        f"a weight changes in memory, self-check every {INTERVAL_S:g} s: /readyz before, then",
        f"{before}, {answer.status_code} ({reason}) after {noticed_s:.2f} s",
        wanted=f"200, 503 (drift) within {INTERVAL_S + CHECK_S:g} s",
    )
    yield Row("the same: /denoise, /healthz", f"{refused}, {alive}", wanted="503, 200")


def temporary_folder(what: str, script: str) -> Iterator[Row]:
    """Run the service where no temporary file can be written."""
    small = as_png(noise(np.random.default_rng(0), 64, 64, UINT8)).body
    large = as_npy(noise(np.random.default_rng(0), LARGE_SIDE, LARGE_SIDE, UINT8)).body
    with sealed.sealed(script, {}) as server, httpx.Client(base_url=server.url, timeout=TIMEOUT_S) as client:
        raw = client.post(FAST, content=large).status_code
        form = client.post(FAST, files={"image": ("image.npy", io.BytesIO(large))}).status_code
        analysis = client.post("/analyze", params={"size": 16, "k": 1}, content=small)
        after = client.post(FAST, content=small).status_code
        ready = client.get("/readyz").status_code
    megabytes = len(large) / 1e6
    yield Row(f"{what}: /denoise of {megabytes:.1f} MB raw, as a form", f"{raw}, {form}", wanted="200, 200")
    yield Row(
        f"{what}: /analyze, which needs a file",
        f"{analysis.status_code} {analysis.json()['type']}",
        wanted="500 urn:biasfree:problem:analysis-failed",
    )
    yield Row(f"{what}: /denoise and /readyz afterwards", f"{after}, {ready}", wanted="200, 200")


def _denoise(client: httpx.Client, value: float) -> int:
    # Not constant: the network would get zeros.
    image = value * np.eye(8, dtype=FLOAT32)
    return client.post(PATH, content=as_npy(image).body).status_code
