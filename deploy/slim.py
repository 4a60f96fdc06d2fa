"""The removal of files that ``/denoise`` never uses from an installed environment, for the image ``slim``.

    python deploy/slim.py /opt/biasfree

The Dockerfile runs it in the build stage, so that no layer of the image has the files. Licenses, metadata and bytecode
stay: bytecode is 19 MB, and without it every start on a read-only root takes a second of processor time more (imports
0.65 s -> 1.7 s). ``make image-check`` sends the image a file in every format that the service reads.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

#: 16 MB of models that ONNX tests its backends with, and 5 MB that convert models and shrink them.
UNUSED = (
    "onnx/backend/test",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
)
#: Modules of imagecodecs behind PNG, WebP and the compressions of TIFF that ``service.imaging`` reads. The other 47,
#: for AVIF, JPEG XL and deep JPEG 2000, which the slim image names and refuses, and their libraries are 70 of 80 MB.
CODECS = ("_deflate", "_imcd", "_jpeg8", "_png", "_shared", "_shared_cython", "_webp", "_zlib", "_zstd")


def main() -> None:
    """Slim the environment in the folder given as the argument."""
    for site_packages in Path(sys.argv[1]).glob("lib/python3*/site-packages"):
        slim(site_packages)


def slim(site_packages: Path) -> None:
    """Remove unused files from a folder of installed packages."""
    for name in UNUSED:
        shutil.rmtree(site_packages / name)
    for folder in [*site_packages.rglob("tests"), *site_packages.glob("numpy/_core/include")]:
        shutil.rmtree(folder)
    slim_imagecodecs(site_packages)


def slim_imagecodecs(site_packages: Path, linked: Callable[[Sequence[Path]], str] | None = None) -> None:
    """Keep the modules named in ``CODECS`` and the shared libraries that they need.

    Args:
        site_packages: Folder in which imagecodecs is installed.
        linked: Function that returns text with every library to which modules are linked; by default ``ldd``.
    """
    modules = list((site_packages / "imagecodecs").glob("_*.so"))
    kept = [path for path in modules if path.name.partition(".")[0] in CODECS]
    if len(kept) < len(CODECS):
        raise SystemExit(
            f"imagecodecs lacks modules listed in deploy/slim.py: update the list; found {sorted(map(str, kept))}"
        )
    needed = (linked or ldd)(kept)
    libraries = (site_packages / "imagecodecs.libs").iterdir()
    for path in [*(set(modules) - set(kept)), *(each for each in libraries if each.name not in needed)]:
        path.unlink()


def ldd(modules: Sequence[Path]) -> str:
    """Return the output of ``ldd``: every library, including indirect ones."""
    return subprocess.run(["ldd", *modules], check=True, capture_output=True, text=True).stdout  # noqa: S603, S607


if __name__ == "__main__":
    main()
