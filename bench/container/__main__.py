"""The command ``python -m bench.container``: build the images, inspect and start them, and denoise with them.

It needs neither a container engine nor a registry. buildah builds on a Debian made by debootstrap, which takes the
place of the base named in the Dockerfile. The images run in a chroot.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from bench.container.contents import EXTRAS, packages, shortcomings
from bench.container.images import ROOT, Configuration, Storage, base_name, debian
from bench.container.index import volumes
from bench.machine import machine
from bench.rows import Row, write

HERE = Path(__file__).parent
VARIANTS = ("cpu", "slim")
#: Largest size of ``slim``, base included.
SLIM_MB = 450
#: uvicorn raises the signal again at its end. That ends every process but the first of a container.
ENDS: dict[float, str] = {0: "exit status 0", -signal.SIGTERM: "by that signal, once all was done"}
PROGRAMS = ("buildah", "debootstrap", "unshare", "chroot", "setpriv", "mount")


def main() -> None:
    """Check the images and write the results; if an image has faults, print them and exit with status 1."""
    parser = argparse.ArgumentParser(prog="python -m bench.container", description="Check the container images.")
    parser.add_argument(
        "--debian", type=Path, default=ROOT / "build/debian", help="Folder of the base; made if missing."
    )
    parser.add_argument("--variant", choices=VARIANTS, help="Check only this image, and do not write the results.")
    options = parser.parse_args()
    if reason := why_not():
        sys.stdout.write(f"The images were not checked: {reason}.\n")
        return
    with tempfile.TemporaryDirectory(prefix="biasfree-image-") as name:
        storage, tree = Storage(Path(name)), debian(options.debian)
        storage.import_base(tree, base_name())
        base_mb = megabytes(tree)
        arguments = [*volumes(Path(name)), "--build-arg=VERSION=check", "--build-arg=REVISION=check"]
        chosen = [options.variant] if options.variant else VARIANTS
        rows = [row for each in chosen for row in named(each, check(storage, each, arguments, base_mb=base_mb))]
    if options.variant:
        sys.stdout.writelines(f"{row.what}: {row.ours}\n" for row in rows)
    else:
        sys.stdout.write(write(HERE, "results", rows, machine(), by="make image-check"))


def why_not() -> str:
    """Return the reason why this machine cannot check the images, or an empty string."""
    if os.name != "posix" or os.geteuid() != 0:
        return "mount and chroot require root on Linux"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"install {', '.join(missing)}" if missing else ""


def named(variant: str, rows: Iterator[Row]) -> Iterator[Row]:
    """Put the name of the image before each row."""
    return (replace(row, what=f"{variant}: {row.what}") for row in rows)


def check(storage: Storage, variant: str, arguments: list[str], *, base_mb: int) -> Iterator[Row]:
    """Build, inspect and start a variant; yield a row per number.

    Args:
        storage: Storage with the base.
        variant: One of ``VARIANTS``.
        arguments: Further options of the build.
        base_mb: Size of the base.

    Raises:
        SystemExit: The image has faults.
    """
    started = time.perf_counter()
    storage.build(variant, arguments)
    yield Row("seconds to build, without the base", f"{time.perf_counter() - started:.0f} s")
    image = storage.configuration(variant)
    with storage.mounted(variant) as root:
        size_mb = megabytes(root)
        torch_mb = [megabytes(each) for each in root.glob("opt/biasfree/lib/python3*/site-packages/torch")]
        wrong = list(shortcomings(root, image, absent=EXTRAS if variant == "slim" else ()))
        facts = try_out(root, image)
        yield Row("packages in the image, each as constraints.txt has it", f"{len(packages(root))}")
    if variant == "slim" and size_mb >= SLIM_MB:
        wrong.append(f"the image has {size_mb} MB: it must stay below {SLIM_MB} MB")
    wrong += misbehaviour(facts, analyzes=variant != "slim")
    if wrong:
        raise SystemExit("\n".join(wrong))
    wanted = f"below {SLIM_MB} MB" if variant == "slim" else ""
    yield Row("size of the image on Debian's Python", f"{size_mb} MB", wanted=wanted)
    yield Row("size of the image without its base", f"{size_mb - base_mb} MB")
    for each in torch_mb:
        yield Row("of which torch", f"{each} MB")
    yield from observed(facts)


def observed(facts: dict[str, float]) -> Iterator[Row]:
    """Yield rows with the observations of the running image."""
    yield Row("seconds from the first start to ready, as user 10001, read-only root", f"{facts['first_ready_s']:.1f} s")
    yield Row("seconds from the second", f"{facts['ready_s']:.1f} s")
    yield Row("exit status of HEALTHCHECK while it serves", f"{facts['healthy']}", wanted="0")
    error = f"{facts['denoised_mse']:.1f} ({facts['noisy_mse']:.0f} before)"
    yield Row("mean squared error of an image that it denoised, noise 25", error, wanted="below a quarter")
    yield Row(
        "formats, and compressions of TIFF, that it reads", f"{facts['read']} of {facts['formats']}", wanted="all"
    )
    if "gain" in facts:
        yield Row("largest singular value that it found in a patch", f"{facts['gain']:.2f}")
    else:
        yield Row("status of /analyze, with the command that installs it", f"{facts['analyze_status']}", wanted="501")
    yield Row("how it ended after SIGTERM", f"{ENDS[facts['status']]}")


def try_out(root: Path, image: Configuration) -> dict[str, float]:
    """Start the image in a mount namespace of its own; return the measurements."""
    command = ["unshare", "--mount", "--propagation=private", sys.executable, "-m", "bench.container.trial"]
    arguments = [str(root), json.dumps(asdict(image))]
    done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)  # noqa: S603  # ours
    facts: dict[str, float] = json.loads(done.stdout)
    return facts


def misbehaviour(facts: dict[str, float], *, analyzes: bool = True) -> Iterator[str]:
    """Yield a sentence per fault of the running image."""
    if facts["healthy"] != 0 or facts["healthy_after_the_end"] == 0:
        yield f"HEALTHCHECK must exit with 0 while the service runs, and only then: {facts}"
    if not facts["denoised_mse"] < facts["noisy_mse"] / 4:
        yield f"the noise is still in the image: {facts}"
    if facts["read"] != facts["formats"]:
        yield f"some formats were not read: {facts}"
    if facts["analyze_status"] != (200 if analyzes else 501):
        yield f"/analyze must answer with {200 if analyzes else 501}: {facts}"
    if facts["status"] not in ENDS:
        yield f"the service did not end by itself on SIGTERM: {facts}"


def megabytes(folder: Path) -> int:
    """Return the size of a folder in megabytes."""
    command = ["du", "--summarize", "--bytes", "--one-file-system", str(folder)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # ours
    return round(int(text.split()[0]) / 1e6)


if __name__ == "__main__":
    main()
