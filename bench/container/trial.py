"""A trial of a container image: its command runs in its files, as in a container engine, and denoises an image.

It needs a mount namespace of its own, with which its mounts end: ``unshare --mount python -m bench.container.trial``.
"""

import io
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from bench.container.images import Configuration
from bench.failures.replicas import wait_until_ready
from bench.server import free_port

DEVICES = ("null", "zero", "random", "urandom")
#: Options that remove all capabilities, every way to regain them, and the groups of the calling user.
CONFINED = ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--clear-groups")
SIGMA_255 = 25.0
#: Compression of TIFF that the service reads -> whether it is used with a predictor.
TIFF = {"none": False, "lzw": True, "deflate": True, "packbits": False, "zstd": True, "jpeg": False, "webp": False}


def main() -> None:
    """Try the image whose files and configuration are the two arguments; print what was measured as JSON."""
    root, image = Path(sys.argv[1]), Configuration(**json.loads(sys.argv[2]))
    mount(root)
    port = free_port()
    # The address is loopback, because there is no separate network. All other variables are those of the image.
    environment = {**image.environment, "BIASFREE_HOST": "127.0.0.1", "BIASFREE_PORT": str(port)}
    command = [*confinement(root, image, environment)]
    facts: dict[str, float] = {}
    with running([*command, *image.command], f"http://127.0.0.1:{port}", facts):
        facts["first_ready_s"] = facts["ready_s"]
    with running([*command, *image.command], f"http://127.0.0.1:{port}", facts):
        facts["healthy"] = subprocess.run([*command, *image.health], check=False).returncode  # noqa: S603  # the image's
        facts |= denoised(f"http://127.0.0.1:{port}")
        facts |= analyzed(f"http://127.0.0.1:{port}")
        facts |= formats_read(f"http://127.0.0.1:{port}")
    after = subprocess.run([*command, *image.health], check=False, stderr=subprocess.DEVNULL)  # noqa: S603  # the image's
    facts["healthy_after_the_end"] = after.returncode
    sys.stdout.write(json.dumps(facts))


def mount(root: Path) -> None:
    """Make the root read-only, and give it what a container has: /proc, /sys, a few devices, and a tmpfs at /tmp."""
    _run("mount", "--bind", root, root)
    _run("mount", "-o", "remount,bind,ro", root)
    _run("mount", "-t", "proc", "proc", root / "proc")
    _run("mount", "--rbind", "/sys", root / "sys")
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", root / "dev")
    for name in DEVICES:
        (root / "dev" / name).touch()
        _run("mount", "--bind", f"/dev/{name}", root / "dev" / name)
    (root / "dev/shm").mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs", root / "dev/shm")
    _run("mount", "-t", "tmpfs", "-o", "size=1g,mode=1777", "tmpfs", root / "tmp")
    if not os.statvfs(root).f_flag & os.ST_RDONLY:
        raise RuntimeError("the root file system is not read-only")


def confinement(root: Path, image: Configuration, environment: dict[str, str]) -> Iterator[str]:
    """Yield the words of the command that enters the image as its user, with only its environment."""
    user, group = image.user.split(":")
    yield from ("chroot", str(root), "setpriv", f"--reuid={user}", f"--regid={group}", *CONFINED)
    yield from ("env", "-i", "-C", image.working_directory, *(f"{name}={value}" for name, value in environment.items()))


@contextmanager
def running(command: list[str], url: str, facts: dict[str, float]) -> Iterator[None]:
    """Run the service until the context ends; add the seconds until it is ready and its exit status to ``facts``."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=sys.stderr)  # noqa: S603  # the image's
    try:
        wait_until_ready(url)
        facts["ready_s"] = time.perf_counter() - started
        yield
    finally:
        process.terminate()
        facts["status"] = process.wait(timeout=60)


def denoised(url: str) -> dict[str, float]:
    """Return the mean squared errors (0-255 scale) of a noisy image before and after ``/denoise``."""
    axis = np.linspace(0, 3 * np.pi, 128)
    clean = 127 + 80 * np.outer(np.sin(axis), np.cos(axis))
    noisy = (clean + np.random.default_rng(0).normal(0, SIGMA_255, clean.shape)).astype(np.float32)
    result = np.load(io.BytesIO(_post(f"{url}/denoise", noisy)))
    return {"noisy_mse": float(np.mean((noisy - clean) ** 2)), "denoised_mse": float(np.mean((result - clean) ** 2))}


def analyzed(url: str) -> dict[str, float]:
    """Return the status of ``/analyze`` and the largest singular value of a patch.

    The value comes from the process of the analysis, through ``/tmp``. Without the analysis, a 501 counts only if the
    refusal names the command that installs it.
    """
    noisy = np.random.default_rng(0).normal(127, SIGMA_255, (32, 32)).astype(np.float32)
    try:
        document = json.loads(_post(f"{url}/analyze?size=12&k=1", noisy))
    except urllib.error.HTTPError as exc:
        told = "pip install 'biasfree[analysis]'" in json.load(exc)["detail"]
        return {"analyze_status": exc.code if told else 0}
    return {"analyze_status": 200, "gain": float(document["singular_values"][0])}


def formats_read(url: str) -> dict[str, float]:
    """Count the formats and compressions of TIFF, and those that ``/denoise`` reads as the same image."""
    pixels = np.random.default_rng(0).integers(0, 256, (48, 40, 3)).astype(np.uint8)
    expected = _denoised(f"{url}/denoise", samples(pixels)["png"])
    read = [name for name, body in samples(pixels).items() if _same(_denoised(f"{url}/denoise", body), expected, name)]
    return {"formats": len(samples(pixels)), "read": len(read)}


def samples(pixels: NDArray[np.uint8]) -> dict[str, bytes]:
    """Return an RGB image in every format that the service reads."""
    files = {name: io.BytesIO() for name in ("npy", "bmp", "png", "webp", "jpeg", *(f"tiff {c}" for c in TIFF))}
    np.save(files["npy"], pixels)
    for name in ("bmp", "png", "webp", "jpeg"):
        Image.fromarray(pixels).save(files[name], format=name, **({"lossless": True} if name == "webp" else {}))
    for compression, predictor in TIFF.items():
        tifffile.imwrite(files[f"tiff {compression}"], pixels, compression=compression, predictor=predictor)
    return {name: file.getvalue() for name, file in files.items()}


def _denoised(url: str, body: bytes) -> Any:
    headers = {"Content-Type": "application/octet-stream", "Accept": "application/x-npy"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310  # ours, on loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # ours, on loopback
        return np.load(io.BytesIO(answer.read()))


def _same(image: Any, expected: Any, name: str) -> bool:
    return bool(image.shape == expected.shape and (name.endswith("jpeg") or np.array_equal(image, expected)))


def _post(url: str, image: NDArray[np.float32]) -> bytes:
    body = io.BytesIO()
    np.save(body, image)
    headers = {"Content-Type": "application/x-npy"}
    request = urllib.request.Request(url, body.getvalue(), headers)  # noqa: S310  # ours, on loopback
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # ours, on loopback
        content: bytes = answer.read()
        return content


def _run(*command: str | Path) -> None:
    subprocess.run(list(map(str, command)), check=True, stdout=sys.stderr)  # noqa: S603  # ours


if __name__ == "__main__":
    main()
