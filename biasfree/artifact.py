"""A model as one file: an ONNX graph, its weights and its card. Does not import torch."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from pydantic import ValidationError

from biasfree.card import Card

#: Key of the card in the ONNX file's ``metadata_props``.
CARD_KEY = "biasfree.card"
INPUT, OUTPUT = "noisy", "denoised"
#: Folder of the shipped models.
SHIPPED = Path(__file__).parent / "weights"


class ArtifactError(ValueError):
    """The file is not a model of this project, or is incomplete."""


@dataclass(frozen=True)
class Artifact:
    """A verified model file.

    Attributes:
        path: Path of the file.
        content: The file's bytes.
        sha256: SHA-256 of ``content``, in hexadecimal.
        card: The model card.
    """

    path: Path
    content: bytes
    sha256: str
    card: Card

    @property
    def facts(self) -> dict[str, str]:
        """Return what identifies the model: its name, its version and the SHA-256 of the file."""
        return {"name": self.card.name, "version": self.card.version, "sha256": self.sha256}

    @property
    def weights(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Return the weights by initializer name, float32; read from ``content`` each time to save memory."""
        return initializers(onnx.load_model_from_string(self.content))

    @classmethod
    def load(cls, path: Path) -> "Artifact":
        """Read and verify a model file.

        Raises:
            ArtifactError: The file cannot be read, is not ONNX, has no card of this format, does not have the inputs
                and outputs of a denoiser, or its weights do not match the card.
        """
        try:
            content = path.read_bytes()
            model = onnx.load_model_from_string(content)
        except OSError as exc:
            raise ArtifactError(f"cannot read {path}: {exc.strerror}") from exc
        except DecodeError as exc:
            raise ArtifactError(f"{path} is not an ONNX file") from exc
        card = _card(model, path)
        _check_graph(model, path)
        if weights_sha256(initializers(model)) != card.weights_sha256:
            raise ArtifactError(f"{path} is damaged: the SHA-256 of its weights does not match its card")
        return cls(path, content, hashlib.sha256(content).hexdigest(), card)


def save(model: onnx.ModelProto, card: Card, path: Path) -> None:
    """Write a graph and its card to one file, atomically replacing an older one.

    Raises:
        ArtifactError: The card does not match the weights.
    """
    if weights_sha256(initializers(model)) != card.weights_sha256:
        raise ArtifactError("the card does not match the weights: write a new card for them")
    del model.metadata_props[:]
    model.metadata_props.add(key=CARD_KEY, value=card.model_dump_json())
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(model.SerializeToString(deterministic=True))
    partial.replace(path)


def initializers(model: onnx.ModelProto) -> dict[str, npt.NDArray[np.float32]]:
    """Return the float32 initializers of a graph by name: its weights (the others are shapes and indices)."""
    tensors = (tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}


def weights_sha256(weights: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """Return the SHA-256 over names, shapes and little-endian values, sorted by name."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        values = weights[name]
        digest.update(f"{name} {values.shape}\n".encode())
        digest.update(np.ascontiguousarray(values, "<f4").tobytes())
    return digest.hexdigest()


def _card(model: onnx.ModelProto, path: Path) -> Card:
    properties = {entry.key: entry.value for entry in model.metadata_props}
    if CARD_KEY not in properties:
        raise ArtifactError(f"{path} is not a biasfree model: its metadata has no {CARD_KEY!r}")
    try:
        return Card.model_validate_json(properties[CARD_KEY])
    except ValidationError as exc:
        first = exc.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(f"cannot read the model card in {path}: {field}: {first['msg']}") from exc


def _check_graph(model: onnx.ModelProto, path: Path) -> None:
    inputs = [value.name for value in model.graph.input]
    outputs = [value.name for value in model.graph.output]
    if inputs != [INPUT] or outputs != [OUTPUT]:
        raise ArtifactError(
            f"{path} is not a denoiser: it must have one input {INPUT!r} and one output {OUTPUT!r}, "
            f"but has {inputs} and {outputs}"
        )
