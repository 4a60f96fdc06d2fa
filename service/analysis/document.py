"""The analysis as JSON: what ``/analyze`` answers, for validation and for the OpenAPI document.

``A`` is the Jacobian of the network ``f`` at the noisy patch ``y`` of N values, and ``A = U S V^T`` its singular value
decomposition. Needs no torch and no web framework: both sides know it.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _seven_digits(number: float) -> float:
    return float(f"{number:.7g}")


#: Finite, and to 7 significant digits: float32 has no more, and 4096 singular values stay 40 kB.
Number = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_seven_digits)]

#: A PNG that a browser shows as it is: ``<img src=...>``.
PngUrl = Annotated[str, Field(pattern="^data:image/png;base64,")]


class Part(BaseModel):
    """What all of these have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class AnalyzedPatch(Part):
    """Where the patch lies in the image, in pixels."""

    x: int = Field(description="Column of its left edge, counted from 0.")
    y: int = Field(description="Row of its top edge, counted from 0.")
    width: int = Field(description="Pixels across.")
    height: int = Field(description="Pixels down.")
    channels: int = Field(description="1 for gray, 3 for colour. N = channels * height * width.")


class SingularVectors(Part):
    """One pair of singular vectors: the network looks for `right` in the patch and answers with `left`."""

    index: int = Field(description="Place in the spectrum, counted from 1 for the largest singular value.")
    singular_value: Number = Field(description="How strongly this part of the patch is passed: near 1 kept, 0 removed.")
    symmetry: Number = Field(description="u . v: 1 where what is found and what is given back are the same picture.")
    left: PngUrl = Field(description="u as a PNG of the patch's size, scale `vector_scale`.")
    right: PngUrl = Field(description="v as a PNG of the patch's size, scale `vector_scale`.")


class EquivalentFilter(Part):
    """The weights with which one output value averages the noisy patch: a row of A."""

    x: int = Field(description="Column of the output pixel in the image, counted from 0.")
    y: int = Field(description="Row of the output pixel in the image, counted from 0.")
    channel: int = Field(description="Channel of the output value, counted from 0.")
    sum: Number = Field(description="Sum of all weights; near 1 means a weighted mean.")
    scale: Number = Field(description="The largest absolute weight, where the picture's colours end.")
    weights: PngUrl = Field(
        description="PNG of the patch's size: negative blue, 0 white, positive red; in colour, mid-gray is 0."
    )


class LayerActivity(Part):
    """One layer of ReLUs."""

    units: int = Field(description="How many ReLUs it has for this patch.")
    active: Number = Field(description="The fraction of them that let their input pass.")


class LinearRegionSize(Part):
    """How far the patch may change before A does."""

    distance: Number = Field(
        description="Length of the smallest step along a random direction that switches a ReLU, relative to ||y||."
    )
    layer: int = Field(description="The layer in which that happens, counted from 0 in `layers`.")


class WholeImageEstimates(Part):
    """Estimates over the whole image by random probes; for independent Gaussian noise only."""

    probes: int = Field(description="How many random vectors were sent through A.")
    effective_dimensionality: Number = Field(description="||A||_F^2 of the whole image.")
    trace: Number = Field(description="tr A of the whole image.")
    sigma_estimate: Number = Field(description="Estimated noise standard deviation, 0-255 scale.")
    estimated_psnr: Number | None = Field(
        default=None, description="Estimated PSNR of the denoised image in dB; null where nothing can be told."
    )
    standard_errors: dict[str, Number] = Field(
        description="Standard errors of these estimates, by field: of the random vectors alone. "
        "How far the noise level and the PSNR themselves may be off is in docs/adr/0001."
    )


class AnalysisDocument(Part):
    """What the network did to one patch."""

    model: dict[str, str] = Field(description="Name, version and SHA-256 of the model file.")
    request_id: str = Field(description="The id in the log, also in `X-Request-Id`.")
    patch: AnalyzedPatch = Field(description="The patch that was analysed.")
    method: str = Field(
        description="`dense`: the whole Jacobian, all N singular values. `iterative`: the largest ones only."
    )
    homogeneity_error: Number = Field(
        description="||f(y) - A y|| / ||f(y)||: rounding error for a bias-free network, which is exactly f(y) = A y."
    )
    net_bias_norm: Number | None = Field(
        default=None, description="||f(y) - A y|| of a network with additive constants; null for a bias-free one."
    )
    singular_values: list[Number] = Field(description="s_1 >= s_2 >= ...: how strongly each part is passed.")
    symmetry: list[Number] = Field(
        description="u_i . v_i for each of them: 1 where A passes a picture unchanged in kind, as a projection does."
    )
    expansion: list[Number] = Field(description="c_i = s_i (v_i . y): the denoised patch is the sum of c_i u_i.")
    energy_share: list[Number] = Field(
        description="Share of ||f(y)||^2 in the first i terms of that sum; 1 when all are counted (0 where f(y) is 0)."
    )
    residuals: list[Number] = Field(
        description="max(||A v_i - s_i u_i||, ||A^T u_i - s_i v_i||): how exact each triplet is."
    )
    tolerance: Number | None = Field(
        default=None,
        description="What every residual is below, in units of s_1; null where some did not get there in time.",
    )
    effective_dimensionality: Number = Field(
        description="d = sum of s_i^2 = ||A||_F^2: of how many dimensions the space is that the patch is projected on. "
        "Falls with the noise."
    )
    trace: Number = Field(
        description="tr A: the weight of each noisy value in the denoised value of the same place, summed."
    )
    nuclear_norm: Number | None = Field(
        default=None, description="Sum of the singular values; null where not all are known."
    )
    asymmetry: Number = Field(
        description="||A - A^T||_F / ||A||_F: 0 for a projection; about 0.5 for the shipped networks, whose "
        "leading vectors agree all the same."
    )
    signal_preserved: Number | None = Field(
        default=None,
        description="Share of the energy of the clean patch, or without one of the denoised patch, in the first d left "
        "vectors (d rounded down); null where fewer are known.",
    )
    sigma_estimate: Number = Field(
        description="Estimated noise standard deviation of the patch, 0-255 scale; for independent Gaussian noise only."
    )
    standard_errors: dict[str, Number] = Field(
        description="Standard errors, by field, of the numbers that were estimated by random probes; others are exact."
    )
    vector_scale: Number = Field(
        description="Where the colours of `vectors` end: -scale is dark blue, 0 white, +scale dark red; in colour, "
        "mid-gray is 0 and each channel has its own sign."
    )
    vectors: list[SingularVectors] = Field(
        description="The first k pairs and, where the whole spectrum is known, the last k."
    )
    filters: list[EquivalentFilter] = Field(
        description="Equivalent filters of the pixels asked for, or of the middle of the patch."
    )
    layers: list[LayerActivity] = Field(description="Activity of the ReLUs, from the input to the output.")
    linear_region: LinearRegionSize | None = Field(
        default=None, description="How far A holds; null where no ReLU would flip: for a black patch."
    )
    image: WholeImageEstimates | None = Field(
        default=None, description="Estimates over the whole image; null where they were not asked for."
    )
    intensity_range: tuple[Number, Number] = Field(
        description="Black and white of `noisy` and `denoised`: the extremes of the clean patch, or without one of the "
        "denoised patch, in the image's own intensities."
    )
    noisy: PngUrl = Field(description="The noisy patch y as a PNG; what is beyond `intensity_range` is clipped.")
    denoised: PngUrl = Field(description="The denoised patch f(y) as a PNG, on the same range.")
