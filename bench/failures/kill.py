"""``kill -9`` of a replica behind nginx without retries: requests in progress fail, and the SDK retries them."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from bench.failures.replicas import Replica, nginx, replicas
from bench.failures.restarts import Clients
from bench.payloads import UINT8, noise
from bench.rows import Row
from biasfree_client import BiasfreeError, Denoiser

CLIENTS, SIDE = 4, 256
#: Requests per SDK client, and seconds before and after the replica is killed.
CALLS, PAUSE_S = 40, 2.0


def rows() -> Iterator[Row]:
    """Measure failures for clients without retries and for the SDK."""
    with replicas() as two, nginx(two, retries=False) as url:
        clients = Clients(url, CLIENTS)
        _kill(two[0])
        outcomes = clients.finish()
        failed = sorted(each.status for each in outcomes if each.status != 200)
        yield Row(
            f"kill -9 of one of two replicas, {CLIENTS} clients that try once: answered otherwise than with 200",
            f"{len(failed)} of {len(outcomes)} {failed}",
            wanted=f"at most {CLIENTS}, those under way",
        )
        two[0].start()
        sent, errors = through_the_sdk(url, two[1].kill)
        yield Row(
            f"the same under {CLIENTS} clients of the SDK: calls that failed", f"{len(errors)} of {sent}", wanted="0"
        )


def _kill(replica: Replica) -> None:
    time.sleep(PAUSE_S)
    replica.kill()
    time.sleep(PAUSE_S)


def through_the_sdk(url: str, kill: Callable[[], None]) -> tuple[int, list[BiasfreeError]]:
    """Make calls with the SDK while something is killed; return their number and the errors raised."""
    image = noise(np.random.default_rng(0), SIDE, SIDE, UINT8)
    sent: list[int] = []
    errors: list[BiasfreeError] = []

    def work() -> None:
        with Denoiser(url) as denoiser:
            for number in range(CALLS):
                try:
                    denoiser.denoise(image)
                except BiasfreeError as exc:
                    errors.append(exc)
                sent.append(number)

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(PAUSE_S / 2)
    kill()
    for thread in threads:
        thread.join()
    return len(sent), errors
