"""``analysis-figure``: the example figure of an analysis in the documentation."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage.data import chelsea

from biasfree import rebuild
from biasfree.analysis.analyze import analyze
from biasfree.analysis.figure import figure
from biasfree.analysis.report import Patch
from biasfree.analysis.request import AnalysisRequest
from biasfree.artifact import SHIPPED, Artifact
from training.evaluate.metrics import add_noise

SIGMA_255 = 25.0
#: The cat's eye, and pixels in its flat areas and on its edges.
PATCH = Patch(150, 92, 40, 40)
PIXELS = ((158, 100), (170, 96), (170, 104), (174, 112), (170, 120), (159, 114), (182, 106), (185, 126))
#: A palette keeps the file small; only the color bars show steps.
COLORS = 256


def draw_analysis_figure(output: Path) -> None:
    """Analyze scikit-image's photograph of a cat with the shipped gray model, and write the figure as a PNG."""
    model = Artifact.load(SHIPPED / "gray.onnx")
    cat: npt.NDArray[np.uint8] = chelsea()  # type: ignore[no-untyped-call]  # it has no types
    gray = np.asarray(Image.fromarray(cat).convert("L"), np.float32)[..., np.newaxis] / np.float32(255)
    images = [gray, add_noise(gray, sigma_255=SIGMA_255, index=0)]
    rows, columns = slice(PATCH.y, PATCH.y + PATCH.height), slice(PATCH.x, PATCH.x + PATCH.width)
    clean, noisy = (each[rows, columns].transpose(2, 0, 1) for each in images)
    request = AnalysisRequest(noisy, PATCH, white=1.0, method="dense", pixels=PIXELS, clean=clean)
    report = analyze(rebuild.network(model), request)
    output.write_bytes(figure(report, title=f"What model {model.card.name} did to this patch"))
    with Image.open(output) as picture:
        picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(output, optimize=True)
