"""The Jacobian's spectrum on photographs, beside the paper's (the report's figures 3 and 4, the paper's section 5)."""

from biasfree import rebuild
from biasfree.artifact import SHIPPED, Artifact
from training.reproduce.catalogue import Request
from training.reproduce.document import Page
from training.reproduce.figures import figures
from training.reproduce.findings import Findings
from training.reproduce.patches import read_patches
from training.reproduce.tables import sheets

#: What is measured if no model is named.
MODEL = SHIPPED / "gray.onnx"


def page(request: Request) -> Page:
    """Measure a model.

    Raises:
        ValueError: Model, photographs or sizes do not fit together.
    """
    found = measure(request)
    return Page("spectrum", found.subject, sheets(found), found.facts(), figures(found))


def measure(request: Request) -> Findings:
    """What the page shows."""
    artifact = Artifact.load(request.model or MODEL)
    channels, count = artifact.card.channels, request.count
    patches = read_patches(request.images, channels=channels, count=count, side=request.side)
    name = f"{artifact.card.name} {artifact.card.version}"
    return Findings.of(rebuild.network(artifact), patches, model=name, images=request.images.resolve().name)
