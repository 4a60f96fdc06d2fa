"""The table of ensembles: what the mean over several orientations of an image gains."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from biasfree.artifact import SHIPPED
from biasfree.choice import ANY_NOISE
from biasfree.options import EnsembleSize
from training.data.images import read_folder
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.robustness.measure import is_gray, measure_cases, measure_pairs

#: Case for the networks for white noise; those for any noise are measured on real pairs.
CASE = "white, sigma 25"


def ensembles(*, gray: Path, color: Path, pairs: Sequence[Path]) -> str:
    """Measure every shipped network with every size of ensemble, and return a Markdown table.

    Args:
        gray: Folder of clean images, read as gray, for the gray networks.
        color: Folder of clean images, read as RGB, for the color networks.
        pairs: Folders with ``noisy`` and ``clean``.

    Raises:
        ValueError: A folder has no images, or pairs do not match.
    """
    sizes = get_args(EnsembleSize)
    lines = [["PSNR, dB", "measured on", *(f"{size}" for size in sizes)], ["---"] * (2 + len(sizes))]
    for path in sorted(SHIPPED.glob("*.onnx")):
        denoiser, columns = OnnxDenoiser(path), []
        for denoiser.ensemble in sizes:
            columns.append(list(_scores(denoiser, path.stem, gray=gray, color=color, pairs=pairs)))
        lines += [
            [f"`{path.stem}`", row[0][0], *(f"{psnr:.2f}" for _, psnr in row)] for row in zip(*columns, strict=True)
        ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _scores(
    denoiser: OnnxDenoiser, name: str, *, gray: Path, color: Path, pairs: Sequence[Path]
) -> Iterator[tuple[str, float]]:
    """Yield what a network is measured on, and its PSNR."""
    channels = denoiser.channels
    if not name.endswith(ANY_NOISE):
        images = read_folder(gray if channels == 1 else color, channels=channels)
        yield CASE, measure_cases(denoiser, images, cases=[CASE])[0].psnr_db
        return
    for folder in pairs:
        if is_gray(folder) == (channels == 1):
            score, _ = measure_pairs(denoiser, folder, channels=channels)
            yield score.case, score.psnr_db
