"""The loading of the served models."""

from collections.abc import Mapping
from pathlib import Path

from biasfree.artifact import SHIPPED, Artifact, ArtifactError


def load_models(folder: Path | None) -> Mapping[str, Artifact]:
    """Load and verify the shipped models and those in a folder, by the names on their cards.

    Args:
        folder: Folder with further ``.onnx`` files; a model with the name of a shipped one replaces it.

    Raises:
        ArtifactError: A file is not a complete model or has additive constants, two models in one folder have the same
            name, there is no model at all, or ``folder`` is no folder with an ``.onnx`` file.
    """
    if folder is not None and not folder.is_dir():
        raise ArtifactError(f"BIASFREE_MODELS_DIR={folder} is not a folder")
    if folder is not None and not any(folder.glob("*.onnx")):
        raise ArtifactError(
            f"BIASFREE_MODELS_DIR={folder} has no .onnx file: check the mount, or leave the setting out"
        )
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
            raise ArtifactError(
                f"{path} has additive constants, so it is correct at one scale only: remove it from the folder"
            )
        name = artifact.card.name
        if name in found:
            raise ArtifactError(f"{found[name].path} and {path} are both called {name!r}: remove one of them")
        found[name] = artifact
    return found
