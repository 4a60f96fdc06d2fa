"""An ONNX model as a denoiser of images, to measure."""

from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as failures

from biasfree import frames
from biasfree.artifact import CARD_KEY, INPUT, OUTPUT
from biasfree.card import Card
from biasfree.options import EnsembleSize
from training.evaluate.metrics import FloatImage


class OnnxDenoiser:
    """An ONNX model on the CPU. It processes whole images and uses one core per call.

    Args:
        path: Model whose graph has the input ``noisy`` and the output ``denoised``, both (B, C, H, W) float32.
        ensemble: Number of orientations of the image whose results are averaged: 1, 2, 4 or 8.

    Raises:
        ValueError: The file is missing or is not such a model.
    """

    def __init__(self, path: Path, *, ensemble: EnsembleSize = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except (failures.NoSuchFile, failures.InvalidProtobuf, failures.InvalidGraph, failures.Fail) as exc:
            raise ValueError(f"cannot read {path} as an ONNX model: {exc}") from exc
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if [value.name for value in (*inputs, *outputs)] != [INPUT, OUTPUT]:
            raise ValueError(f"{path} is not a model of this project: it must map {INPUT!r} to {OUTPUT!r}")
        self._channels = inputs[0].shape[1]
        self.ensemble: EnsembleSize = ensemble

    @property
    def channels(self) -> int:
        """Return the number of image channels, C."""
        return int(self._channels)

    @cached_property
    def card(self) -> Card | None:
        """The model's card; ``None`` if the file has none."""
        card = self._session.get_modelmeta().custom_metadata_map.get(CARD_KEY)
        return None if card is None else Card.model_validate_json(card)

    @property
    def trained_sigmas_255(self) -> tuple[float, float] | None:
        """Return the noise range of the training on the model's card, 0-255 scale; ``None`` without a card."""
        return None if self.card is None else self.card.training.sigma_range_255

    def __call__(self, noisy: FloatImage, /) -> FloatImage:
        """Denoise (H, W, C) float32."""
        passes = frames.averaged(noisy.transpose(2, 0, 1), self.ensemble)
        image: FloatImage = frames.run(passes, self._pass).transpose(1, 2, 0)
        return image

    def once(self, noisy: FloatImage, /) -> FloatImage:
        """Denoise (H, W, C) float32 without an ensemble."""
        return self._pass(frames.PassRequest(noisy.transpose(2, 0, 1))).transpose(1, 2, 0)

    def _pass(self, request: frames.PassRequest) -> FloatImage:
        """Denoise (C, H, W); a color network repeats a gray image and returns the mean of its channels."""
        noisy = request.noisy
        repeated = np.repeat(noisy, self.channels, axis=0) if len(noisy) == 1 else np.ascontiguousarray(noisy)
        (denoised,) = self._session.run([OUTPUT], {INPUT: repeated[np.newaxis]})
        image: FloatImage = denoised[0]
        return image.mean(axis=0, keepdims=True) if len(image) > len(noisy) else image
