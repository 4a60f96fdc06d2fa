"""The model card: facts about a model, stored as JSON inside its file."""

import base64
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

FloatArray = npt.NDArray[np.float32]

#: Increased when a reader of the older format would misread the file.
FORMAT_VERSION: Literal[1] = 1


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_Facts):
    """Quality at one noise level: means over the evaluation images, output clamped to [0, 1]."""

    sigma_255: float = Field(description="Noise standard deviation, 0-255 scale.")
    psnr_db: float = Field(description="Peak signal-to-noise ratio of the result, dB.")
    input_psnr_db: float | None = Field(description="PSNR of the noisy input, dB; null without noise.")
    ssim: float


class Evaluation(_Facts):
    """Scores on one set of images."""

    images: str = Field(description="Name of the set.")
    count: int
    scores: tuple[Score, ...]


class CaseScore(_Facts):
    """Quality on noise that is not white: means over images, output clamped to [0, 1]."""

    case: str = Field(description="The disturbance, or a set of real pairs.")
    region: str = Field(description="Measured part of the image; empty for the whole image.")
    input_psnr_db: float = Field(description="Peak signal-to-noise ratio of the input, dB.")
    psnr_db: float = Field(description="Peak signal-to-noise ratio of the result, dB.")


class Stage(_Facts):
    """A training run."""

    recipe: dict[str, Any]
    steps: int
    seconds: float = Field(description="Time spent in training steps.")


class Training(_Facts):
    """The data and the runs that produced the weights."""

    data: str = Field(description="The training images, in words.")
    licence: str = Field(description="License of the images, in words.")
    images: int = Field(description="Number of training images.")
    images_sha256: str = Field(description="SHA-256 over the sorted SHA-256 values of the image files.")
    sigma_range_255: tuple[float, float] = Field(description="Noise levels drawn in training, 0-255 scale.")
    stages: tuple[Stage, ...] = Field(
        description="The training runs; each starts from the weights of the previous one."
    )
    start_share: float = Field(
        default=0, description="Share of the weights from which the last run started in the mean that was exported."
    )


class Golden(_Facts):
    """A test input and the output that every device must return for it, float32 in base64."""

    shape: tuple[int, int, int] = Field(description="(C, H, W)")
    noisy_base64: str = Field(repr=False)
    denoised_base64: str = Field(repr=False)

    @classmethod
    def of(cls, noisy: FloatArray, denoised: FloatArray) -> Self:
        """Encode a pair of images (C, H, W), float32."""
        channels, height, width = noisy.shape
        return cls(
            shape=(channels, height, width),
            noisy_base64=base64.b64encode(noisy.astype("<f4").tobytes()).decode(),
            denoised_base64=base64.b64encode(denoised.astype("<f4").tobytes()).decode(),
        )

    @property
    def noisy(self) -> FloatArray:
        """Return the input (C, H, W), float32."""
        return self._array(self.noisy_base64)

    @property
    def denoised(self) -> FloatArray:
        """Return the expected output (C, H, W), float32."""
        return self._array(self.denoised_base64)

    def _array(self, encoded: str) -> FloatArray:
        return np.frombuffer(base64.b64decode(encoded), "<f4").astype(np.float32).reshape(self.shape)


class Card(_Facts):
    """All facts about a model."""

    format: Literal[1] = FORMAT_VERSION
    name: str
    version: str
    architecture: str = Field(description="Key of biasfree.architectures.ARCHITECTURES.")
    arguments: dict[str, Any] = Field(description="Constructor arguments of the exported network.")
    channels: int = Field(description="Image channels C: 1 for gray, 3 for RGB.")
    receptive_radius: int = Field(description="Pixels: no output depends on an input further away.")
    stride: int = Field(description="Pixels: the network commutes with shifts by multiples of this.")
    parameters: int
    macs_per_pixel: float
    training: Training
    evaluations: tuple[Evaluation, ...]
    robustness: tuple[CaseScore, ...] = Field(default=(), description="Scores on noise that is not white.")
    golden: Golden
    weights_sha256: str = Field(description="SHA-256 over the names, shapes and values of the initializers.")
    git_commit: str
    libraries: dict[str, str]
