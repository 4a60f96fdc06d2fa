"""The command ``biasfree doctor``: a check of the client, the address, the service and its models."""

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biasfree_client import BiasfreeError, ConnectionFailed, Denoiser, __version__
from biasfree_client._connection import address
from biasfree_client.cli.output import emit

#: Size and noise of the test image: large enough for the network to use context, small enough to take a moment.
SIDE_PX, SIGMA_255 = 96, 25.0
LIBRARIES = {"images": ("PIL", "tifffile", "imagecodecs"), "compare": ("skimage",), "plot": ("matplotlib",)}


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        name: Name of the check.
        healthy: True if it passed; None for plain information.
        detail: The details, for people.
    """

    name: str
    healthy: bool | None
    detail: str


def examine(denoiser: Denoiser, url: str | None) -> Iterator[Finding]:
    """Check the client, then the service from the outside in; stop at the first check that gets no answer."""
    yield Finding("client", None, f"biasfree-client {__version__}, Python {sys.version.split()[0]}")
    yield Finding("extras", None, _extras())
    yield Finding("address", None, f"{address(url)} ({_origin(url)})")
    yield Finding("key", None, f"BIASFREE_API_KEY is {'set' if os.environ.get('BIASFREE_API_KEY') else 'not set'}")
    for name, look in _LOOKS.items():
        try:
            yield Finding(name, True, look(denoiser))
        except ConnectionFailed as error:
            yield Finding(name, False, str(error))
            return
        except BiasfreeError as error:
            yield Finding(name, False, str(error))


def doctor(denoiser: Denoiser, url: str | None, *, as_json: bool) -> bool:
    """Print all findings.

    Returns:
        True if every check passed.
    """
    if as_json:
        found = list(examine(denoiser, url))
        healthy = all(each.healthy is not False for each in found)
        facts = [{"name": each.name, "healthy": each.healthy, "detail": each.detail} for each in found]
        emit(json.dumps({"healthy": healthy, "findings": facts}) + "\n")
        return healthy
    return _show(examine(denoiser, url))


def _show(findings: Iterator[Finding]) -> bool:
    signs = {None: "  ", True: "[green]ok[/green]", False: "[red]no[/red]"}
    table, healthy = Table(show_header=False, box=None, pad_edge=False), True
    for each in findings:
        healthy &= each.healthy is not False
        table.add_row(signs[each.healthy], each.name, escape(each.detail))
    console = Console()
    console.print(table, highlight=False)
    console.print("[green]healthy[/green]" if healthy else "[red]not healthy[/red]")
    return healthy


def _origin(url: str | None) -> str:
    if url is None:
        return "the default"
    return "from BIASFREE_URL" if url == os.environ.get("BIASFREE_URL") else "from --url"


def _extras() -> str:
    missing = [
        extra for extra, modules in LIBRARIES.items() if any(importlib.util.find_spec(name) is None for name in modules)
    ]
    return f"not installed: {', '.join(missing)}" if missing else "all installed"


def _ready(denoiser: Denoiser) -> str:
    start = time.perf_counter()
    ready = denoiser.ready()
    waiting = "" if ready.queued is None else f", {ready.queued} waiting ({ready.predicted_s or 0:g} s)"
    return f"on {ready.device}{waiting}, answered in {1000 * (time.perf_counter() - start):.0f} ms"


def _models(denoiser: Denoiser) -> str:
    return ", ".join(
        f"{each.name} {each.version}" + (f" ({each.sha256[:8]})" if each.sha256 else "") for each in denoiser.models()
    )


def _limits(denoiser: Denoiser) -> str:
    limits = denoiser.limits()
    analysis = "no analysis" if limits.analysis is None else "with analysis"
    return f"{limits.max_pixels / 1e6:g} million pixels, {limits.max_body_bytes / 2**20:g} MiB, {analysis}"


def _denoises(denoiser: Denoiser) -> str:
    """Denoise a noisy ramp, and check that less noise is left."""
    clean = np.tile(np.linspace(0.2, 0.8, SIDE_PX, dtype=np.float32), (SIDE_PX, 1))
    noise = SIGMA_255 / 255 * np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)
    start = time.perf_counter()
    result = denoiser.denoise(clean + noise, estimate=True)
    seconds = time.perf_counter() - start
    left_255 = 255 * float(np.sqrt(np.mean(np.square(result.array - clean))))
    if not left_255 < SIGMA_255:
        raise BiasfreeError(f"Denoising did not reduce the noise: sigma {SIGMA_255:g} before, {left_255:.1f} after")
    name = result.model.name if result.model else "an unnamed model"
    return f"{name} reduced noise of sigma {SIGMA_255:g} to {left_255:.1f} in {1000 * seconds:.0f} ms"


_LOOKS: dict[str, Callable[[Denoiser], str]] = {
    "ready": _ready,
    "models": _models,
    "limits": _limits,
    "denoises": _denoises,
}
