"""``python -m bench.container``: build the Dockerfile, look into the images, start them, and denoise with them.

No container engine is needed, nor a registry: buildah builds, on a Debian that debootstrap makes in place of the base
that the Dockerfile names, and the images run in a chroot.
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
#: uvicorn raises the signal again when all is done, which ends whoever is not the first process of a container.
ENDS: dict[float, str] = {0: "exit status 0", -signal.SIGTERM: "by that signal, once all was done"}
PROGRAMS = ("buildah", "debootstrap", "unshare", "chroot", "setpriv", "mount")


def main() -> None:
    """Check the images and write down what was measured; exit with 1 and the reasons if one is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m bench.container", description="Check the container images.")
    parser.add_argument("--debian", type=Path, default=ROOT / "build/debian", help="where the base is, or is made")
    parser.add_argument("--variant", choices=VARIANTS, help="check this one alone, and leave the results as they are")
    options = parser.parse_args()
    if reason := why_not():
        sys.stdout.write(f"the image is not checked: {reason}\n")
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
    """Return why this cannot be done here, or an empty string."""
    if os.name != "posix" or os.geteuid() != 0:
        return "mounting and chroot need root, on Linux"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"expected the programs {', '.join(PROGRAMS)}, {', '.join(missing)} missing" if missing else ""


def named(variant: str, rows: Iterator[Row]) -> Iterator[Row]:
    """Say of each row which image it is about."""
    return (replace(row, what=f"{variant}: {row.what}") for row in rows)


def check(storage: Storage, variant: str, arguments: list[str], *, base_mb: int) -> Iterator[Row]:
    """Build a variant, look into it, start it; a row for each number.

    Args:
        storage: Holds the base.
        variant: One of ``VARIANTS``.
        arguments: Further options of the build.
        base_mb: Size of the base.

    Raises:
        SystemExit: The image is not as it should be.
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
        wrong.append(f"expected an image below {SLIM_MB} MB, got {size_mb} MB")
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
    """Rows of what the image did."""
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
    """Start it in a mount namespace of its own, and give what was measured there."""
    command = ["unshare", "--mount", "--propagation=private", sys.executable, "-m", "bench.container.trial"]
    arguments = [str(root), json.dumps(asdict(image))]
    done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)  # noqa: S603  # ours
    facts: dict[str, float] = json.loads(done.stdout)
    return facts


def misbehaviour(facts: dict[str, float], *, analyzes: bool = True) -> Iterator[str]:
    """A sentence for each thing that it did not do as it should."""
    if facts["healthy"] != 0 or facts["healthy_after_the_end"] == 0:
        yield f"expected HEALTHCHECK to exit with 0 while it serves, and only then, got {facts}"
    if not facts["denoised_mse"] < facts["noisy_mse"] / 4:
        yield f"expected the noise to be gone, got {facts}"
    if facts["read"] != facts["formats"]:
        yield f"expected every format to be read, got {facts}"
    if facts["analyze_status"] != (200 if analyzes else 501):
        yield f"expected /analyze to answer {200 if analyzes else 501}, got {facts}"
    if facts["status"] not in ENDS:
        yield f"expected the service to end by itself on SIGTERM, got {facts}"


def megabytes(folder: Path) -> int:
    """Return the size of a folder in megabytes."""
    command = ["du", "--summarize", "--bytes", "--one-file-system", str(folder)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # ours
    return round(int(text.split()[0]) / 1e6)


if __name__ == "__main__":
    main()
