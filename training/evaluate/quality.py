"""``quality``: measure every shipped model and every classical denoiser, and write a page of the documentation."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from biasfree.artifact import SHIPPED, Artifact
from biasfree.classical import METHODS
from training.evaluate.figures import plot
from training.evaluate.measure import measure
from training.evaluate.report import RULES, Report
from training.evaluate.robustness.ensembles import CASE, ensembles
from training.evaluate.robustness.measure import COUNT, SIDE
from training.evaluate.robustness.report import KINDS, robustness

#: 0-255 scale: hardly any noise, the levels of the paper's tables, and levels beyond the training range.
SIGMAS_255 = (0.0, 1.0, 2.0, 5.0, 10.0, 15.0, 25.0, 30.0, 50.0, 75.0, 100.0, 150.0, 200.0)
#: Figures beside the page, by number of channels. Other documents link to these names.
FIGURES = {1: "quality-gray.png", 3: "quality-colour.png"}

_ROBUSTNESS = f"""## Noise that is not white

The same models on real pairs (`--pairs`), and on disturbances of the central {SIDE} x {SIDE} pixels of the first
{COUNT} images of each set, made by `training/evaluate/robustness/cases.py`. Local disturbances are measured separately
near the disturbance and farther away; "beside noise alike" and "two levels, alone" are the references, of the same
pixels. Real pairs are measured as they are, and "registered": the clean image is first moved onto the noisy one by the
part of a pixel that the camera moved between exposures, and a border of 16 pixels is left out. `default` and `best`
take a gray image stored as RGB for gray, as the service does.
`python -m training robustness` makes this table alone, for any model file.
"""

_ENSEMBLES = f"""## Ensembles

This table shows the gain of `ensemble=`, the mean over 2, 4 or 8 orientations of an image, one pass per orientation.
`gray-real` and `color-real` are measured on the real pairs, the other networks on {CASE}, as above.
`python -m training ensembles` makes this table alone.
"""


def quality(
    *,
    gray: Path,
    color: Path,
    output: Path,
    console: Console,
    pairs: Sequence[Path] = (),
    sigmas_255: Sequence[float] = SIGMAS_255,
) -> None:
    """Measure, and write ``output`` and one figure each for gray and color into the folder ``images`` beside it.

    Args:
        gray: Folder of clean images, read as gray.
        color: Folder of clean images, read as RGB.
        output: The Markdown page.
        console: Console to print the tables to.
        pairs: Folders of real pairs, ``noisy`` and ``clean``.
        sigmas_255: Noise standard deviations, 0-255 scale.

    Raises:
        ValueError: A folder has no images.
    """
    parts = [_head()]
    for channels, folder in ((1, gray), (3, color)):
        report = _measure(channels, folder, sigmas_255, console)
        figure = output.parent / "images" / FIGURES[channels]
        figure.parent.mkdir(parents=True, exist_ok=True)
        plot(report, figure)
        parts.append(_part(channels, report, figure))
    tables = robustness(gray=gray, color=color, pairs=pairs, console=console)
    parts += [_ROBUSTNESS, *(table.markdown() for table in tables)]
    parts += [_ENSEMBLES, ensembles(gray=gray, color=color, pairs=pairs)]
    output.write_text("\n".join(parts))


def _measure(channels: int, folder: Path, sigmas_255: Sequence[float], console: Console) -> Report:
    paths = [path for path in sorted(SHIPPED.glob("*.onnx")) if Artifact.load(path).card.channels == channels]
    with tempfile.TemporaryDirectory() as scratch:
        return measure(
            [*paths, *METHODS], labels=[], images=folder, output=Path(scratch), sigmas_255=sigmas_255, console=console
        )


def _head() -> str:
    return (
        "# Quality\n\n"
        "Use this page to compare the shipped models and the classical denoisers, which estimate the noise level from\n"
        "each image. `python -m training quality --gray FOLDER --color FOLDER --pairs FOLDER` writes it.\n\n"
        f"{RULES} Without noise the PSNR of the input is infinite.\n"
    )


def _part(channels: int, report: Report, figure: Path) -> str:
    kind = KINDS[channels]
    title = f"## {kind.capitalize()}: {report.images}, {report.count} images"
    picture = f"![PSNR of the result against PSNR of the noisy image, {kind}](images/{figure.name})"
    return f"{title}\n\n{picture}\n\n{report.tables()}"
