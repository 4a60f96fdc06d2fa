"""``reproduce spectrum``: the Jacobian's spectrum on photographs, beside the paper's."""

from pathlib import Path

from rich.console import Console

from biasfree import rebuild
from biasfree.artifact import SHIPPED, Artifact
from training.reproduce.figures import draw
from training.reproduce.findings import Findings
from training.reproduce.patches import read_patches
from training.reproduce.tables import sheets

#: What is measured if no model is named.
MODEL = SHIPPED / "gray.onnx"


def reproduce_spectrum(
    model: Path | None, *, images: Path, output: Path, count: int, side: int, console: Console
) -> Findings:
    """Measure a model, print the tables, and write ``spectrum.md``, ``spectrum.json`` and the figures.

    Args:
        model: A model file; the shipped gray one if None.
        images: Folder of clean photographs.
        output: Folder to write to, made if it is not there.
        count: Photographs, the first by name.
        side: P, of the patch in the middle of each.
        console: Where the tables are printed.

    Raises:
        ValueError: Model, photographs or sizes do not fit together.
    """
    artifact = Artifact.load(model or MODEL)
    patches = read_patches(images, channels=artifact.card.channels, count=count, side=side)
    name = f"{artifact.card.name} {artifact.card.version}"
    with console.status("measuring"):
        findings = Findings.of(rebuild.network(artifact), patches, model=name, images=images.resolve().name)
    output.mkdir(parents=True, exist_ok=True)
    tables = sheets(findings)
    (output / "spectrum.md").write_text("\n".join([f"# {findings.subject}\n", *(each.markdown() for each in tables)]))
    (output / "spectrum.json").write_text(findings.json())
    draw(findings, output)
    for each in tables:
        console.print(each.table())
    return findings
