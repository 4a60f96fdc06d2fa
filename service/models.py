"""The models that are served."""

from collections.abc import Mapping
from pathlib import Path

from biasfree.artifact import SHIPPED, Artifact, ArtifactError


def load_models(folder: Path | None) -> Mapping[str, Artifact]:
    """Load and verify the shipped models and those of a folder, by the names on their cards.

    Args:
        folder: Further ``.onnx`` files; one with a shipped model's name replaces it.

    Raises:
        ArtifactError: A file is not a whole model, there is none at all, or ``folder`` is not a folder.
    """
    if folder is not None and not folder.is_dir():
        raise ArtifactError(f"BIASFREE_MODELS_DIR={folder} is not a folder")
    folders = [SHIPPED] if folder is None else [SHIPPED, folder]
    artifacts = [Artifact.load(path) for each in folders for path in sorted(each.glob("*.onnx"))]
    if not artifacts:
        raise ArtifactError(f"there is no .onnx file in {' or '.join(map(str, folders))}")
    return {artifact.card.name: artifact for artifact in artifacts}
