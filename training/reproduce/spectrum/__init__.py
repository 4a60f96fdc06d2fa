"""The Jacobian's spectrum on photographs, beside the paper's (the report's figures 3 and 4, the paper's section 5)."""

from biasfree import rebuild
from training.reproduce.pages import Page, Request
from training.reproduce.patches import read_patches
from training.reproduce.spectrum.figures import figures
from training.reproduce.spectrum.findings import Findings
from training.reproduce.spectrum.tables import sheets


def page(request: Request) -> Page:
    """Measure a model.

    Raises:
        ValueError: Model, photographs or sizes do not fit together.
    """
    found = measure(request)
    return Page("spectrum", found.subject, sheets(found), found.facts(), figures(found))


def measure(request: Request) -> Findings:
    """Measure everything that the page shows."""
    artifact = request.artifact()
    patches = read_patches(request.images, channels=artifact.card.channels, count=request.count, side=request.side)
    name = f"{artifact.card.name} {artifact.card.version}"
    return Findings.of(rebuild.network(artifact), patches, model=name, images=request.images.resolve().name)
