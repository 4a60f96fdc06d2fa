"""``python -m bench.container``: build the Dockerfile, look into the image, start it, and denoise an image with it.

No container engine is needed, nor a registry: buildah builds, on a Debian that debootstrap makes in place of the base
that the Dockerfile names, and the image runs in a chroot.
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
from dataclasses import asdict
from pathlib import Path

from bench.container.contents import packages, shortcomings
from bench.container.images import ROOT, Configuration, Storage, base_name, debian
from bench.container.index import volumes
from bench.machine import machine
from bench.rows import Row, write

HERE = Path(__file__).parent
#: uvicorn raises the signal again when all is done, which ends whoever is not the first process of a container.
ENDS: dict[float, str] = {0: "exit status 0", -signal.SIGTERM: "by that signal, once all was done"}
PROGRAMS = ("buildah", "debootstrap", "unshare", "chroot", "setpriv", "mount")


def main() -> None:
    """Check the image and write down what was measured; exit with 1 and the reasons if it is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m bench.container", description="Check the container image.")
    parser.add_argument("--debian", type=Path, default=ROOT / "build/debian", help="where the base is, or is made")
    debian_folder = parser.parse_args().debian
    if reason := why_not():
        sys.stdout.write(f"the image is not checked: {reason}\n")
        return
    with tempfile.TemporaryDirectory(prefix="biasfree-image-") as name:
        rows = list(check(Path(name), debian(debian_folder)))
    sys.stdout.write(write(HERE, "results", rows, machine(), by="make image-check"))


def why_not() -> str:
    """What is missing here; nothing if it can be done."""
    if os.name != "posix" or os.geteuid() != 0:
        return "mounting and chroot need root, on Linux"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"expected the programs {', '.join(PROGRAMS)}, {', '.join(missing)} missing" if missing else ""


def check(folder: Path, tree: Path) -> Iterator[Row]:
    """Build, look, start; a row for each number.

    Raises:
        SystemExit: The image is not as it should be.
    """
    storage = Storage(folder)
    storage.import_base(tree, base_name())
    started = time.perf_counter()
    storage.build([*volumes(folder), "--build-arg=VERSION=check", "--build-arg=REVISION=check"])
    yield Row("seconds to build, without the base", f"{time.perf_counter() - started:.0f} s")
    image = storage.configuration()
    with storage.mounted() as root:
        wrong = list(shortcomings(root, image))
        facts = try_out(root, image)
        yield Row("packages in the image, each as constraints.txt has it", f"{len(packages(root))}")
        yield Row("size of the image on Debian's Python", f"{megabytes(root)} MB")
        yield Row("size of the image without its base", f"{megabytes(root) - megabytes(tree)} MB")
        yield Row("of which torch", f"{megabytes(next(root.glob('opt/biasfree/lib/python3*/site-packages/torch')))} MB")
    wrong += misbehaviour(facts)
    if wrong:
        raise SystemExit("\n".join(wrong))
    yield Row("seconds from the first start to ready, as user 10001, read-only root", f"{facts['first_ready_s']:.1f} s")
    yield Row("seconds from the second", f"{facts['ready_s']:.1f} s")
    yield Row("exit status of HEALTHCHECK while it serves", f"{facts['healthy']}", wanted="0")
    error = f"{facts['denoised_mse']:.1f} ({facts['noisy_mse']:.0f} before)"
    yield Row("mean squared error of an image that it denoised, noise 25", error, wanted="below a quarter")
    yield Row("largest singular value that it found in a patch", f"{facts['gain']:.2f}")
    yield Row("how it ended after SIGTERM", f"{ENDS[facts['status']]}")


def try_out(root: Path, image: Configuration) -> dict[str, float]:
    """Start it in a mount namespace of its own, and give what was measured there."""
    command = ["unshare", "--mount", "--propagation=private", sys.executable, "-m", "bench.container.trial"]
    arguments = [str(root), json.dumps(asdict(image))]
    done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)  # noqa: S603  # ours
    facts: dict[str, float] = json.loads(done.stdout)
    return facts


def misbehaviour(facts: dict[str, float]) -> Iterator[str]:
    """A sentence for each thing that it did not do as it should."""
    if facts["healthy"] != 0 or facts["healthy_after_the_end"] == 0:
        yield f"expected HEALTHCHECK to exit with 0 while it serves, and only then, got {facts}"
    if not facts["denoised_mse"] < facts["noisy_mse"] / 4:
        yield f"expected the noise to be gone, got {facts}"
    if facts["status"] not in ENDS:
        yield f"expected the service to end by itself on SIGTERM, got {facts}"


def megabytes(folder: Path) -> int:
    """What the files of a folder hold."""
    command = ["du", "--summarize", "--bytes", "--one-file-system", str(folder)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # ours
    return round(int(text.split()[0]) / 1e6)


if __name__ == "__main__":
    main()
