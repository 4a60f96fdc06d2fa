"""The one file that is a model: an ONNX graph, its weights and its card. Needs no torch."""

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
    """The file is not a model of this project, or not a whole one."""


@dataclass(frozen=True)
class Artifact:
    """A verified model file.

    Attributes:
        path: Where it was read from.
        content: The file's bytes.
        sha256: Of ``content``, in hexadecimal.
        card: What the model says of itself.
    """

    path: Path
    content: bytes
    sha256: str
    card: Card

    @property
    def facts(self) -> dict[str, str]:
        """What identifies the model: name, version and SHA-256 of the file."""
        return {"name": self.card.name, "version": self.card.version, "sha256": self.sha256}

    @property
    def weights(self) -> Mapping[str, npt.NDArray[np.float32]]:
        """Initializer name -> value, float32; read from ``content`` each time, so that they are not held twice."""
        return initializers(onnx.load_model_from_string(self.content))

    @classmethod
    def load(cls, path: Path) -> "Artifact":
        """Read and verify a model file.

        Raises:
            ArtifactError: The file cannot be read, is not ONNX, has no card of this format, has other inputs or
                outputs than a denoiser, or its weights are not those that the card was written for.
        """
        try:
            content = path.read_bytes()
            model = onnx.load_model_from_string(content)
        except OSError as exc:
            raise ArtifactError(f"{path} cannot be read: {exc.strerror}") from exc
        except DecodeError as exc:
            raise ArtifactError(f"{path} is not an ONNX file") from exc
        card = _card(model, path)
        _check_graph(model, path)
        if weights_sha256(initializers(model)) != card.weights_sha256:
            raise ArtifactError(f"{path} is damaged: its weights have another SHA-256 than its card says")
        return cls(path, content, hashlib.sha256(content).hexdigest(), card)


def save(model: onnx.ModelProto, card: Card, path: Path) -> None:
    """Write a graph and its card as one file, replacing an older one in one step.

    Raises:
        ArtifactError: The card was written for other weights.
    """
    if weights_sha256(initializers(model)) != card.weights_sha256:
        raise ArtifactError("the card was written for other weights")
    del model.metadata_props[:]
    model.metadata_props.add(key=CARD_KEY, value=card.model_dump_json())
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(model.SerializeToString(deterministic=True))
    partial.replace(path)


def initializers(model: onnx.ModelProto) -> dict[str, npt.NDArray[np.float32]]:
    """The float32 initializers of a graph by name: its weights (the others are shapes and indices)."""
    tensors = (tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}


def weights_sha256(weights: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """SHA-256 over names, shapes and little-endian values, in the order of the sorted names."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        values = weights[name]
        digest.update(f"{name} {values.shape}\n".encode())
        digest.update(np.ascontiguousarray(values, "<f4").tobytes())
    return digest.hexdigest()


def _card(model: onnx.ModelProto, path: Path) -> Card:
    properties = {entry.key: entry.value for entry in model.metadata_props}
    if CARD_KEY not in properties:
        raise ArtifactError(f"{path} is not a biasfree model: it has no {CARD_KEY!r} among its metadata")
    try:
        return Card.model_validate_json(properties[CARD_KEY])
    except ValidationError as exc:
        first = exc.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(f"{path} has a card that cannot be read: {field}: {first['msg']}") from exc


def _check_graph(model: onnx.ModelProto, path: Path) -> None:
    inputs = [value.name for value in model.graph.input]
    outputs = [value.name for value in model.graph.output]
    if inputs != [INPUT] or outputs != [OUTPUT]:
        raise ArtifactError(f"{path} has inputs {inputs} and outputs {outputs}, expected [{INPUT!r}] and [{OUTPUT!r}]")
