"""The models that are served."""

from collections.abc import Mapping
from pathlib import Path

from biasfree.artifact import SHIPPED, Artifact, ArtifactError


def load_models(folder: Path | None) -> Mapping[str, Artifact]:
    """Load and verify the shipped models and those of a folder, by the names on their cards.

    Args:
        folder: Further ``.onnx`` files; one with a shipped model's name replaces it.

    Raises:
        ArtifactError: A file is not a whole model, or has additive constants, two of one folder have one name, there
            is none at all, or ``folder`` is not a folder.
    """
    if folder is not None and not folder.is_dir():
        raise ArtifactError(f"BIASFREE_MODELS_DIR={folder} is not a folder")
    folders = [SHIPPED] if folder is None else [SHIPPED, folder]
    found: dict[str, Artifact] = {}
    for each in folders:
        found.update(_load_folder(each))
    if not found:
        raise ArtifactError(f"there is no .onnx file in {' or '.join(map(str, folders))}")
    return found


def _load_folder(folder: Path) -> dict[str, Artifact]:
    found: dict[str, Artifact] = {}
    for path in sorted(folder.glob("*.onnx")):
        artifact = Artifact.load(path)
        if artifact.card.arguments.get("bias"):
            raise ArtifactError(f"{path} has additive constants: it is right at one scale only, and is not served")
        name = artifact.card.name
        if name in found:
            raise ArtifactError(f"{found[name].path} and {path} are both called {name!r}")
        found[name] = artifact
    return found
