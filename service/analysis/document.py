"""The JSON answer of ``/analyze``, for validation and for the OpenAPI document.

``A`` is the Jacobian of the network ``f`` at the noisy patch ``y`` of N values, and ``A = U S V^T`` its singular value
decomposition. This module imports neither torch nor a web framework, since both processes use it.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _seven_digits(number: float) -> float:
    return float(f"{number:.7g}")


#: A finite number with 7 significant digits: float32 has no more, and 4096 singular values take only 40 kB.
Number = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_seven_digits)]

#: A PNG that a browser can show as is: ``<img src=...>``.
PngUrl = Annotated[str, Field(pattern="^data:image/png;base64,")]


class Part(BaseModel):
    """The base of all parts of the document."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class AnalyzedPatch(Part):
    """The position of the patch in the image, in pixels."""

    x: int = Field(description="Column of its left edge, counted from 0.")
    y: int = Field(description="Row of its top edge, counted from 0.")
    width: int = Field(description="Width in pixels.")
    height: int = Field(description="Height in pixels.")
    channels: int = Field(description="1 for gray, 3 for color. N = channels * height * width.")


class SingularVectors(Part):
    """A pair of singular vectors: the network measures `right` in the patch and returns `left`."""

    index: int = Field(description="Position in the spectrum, counted from 1 for the largest singular value.")
    singular_value: Number = Field(description="Gain of this component of the patch: near 1 kept, 0 removed.")
    symmetry: Number = Field(description="u . v: 1 if the measured and the returned picture are the same.")
    left: PngUrl = Field(description="u as a PNG of the patch's size, scale `vector_scale`.")
    right: PngUrl = Field(description="v as a PNG of the patch's size, scale `vector_scale`.")


class EquivalentFilter(Part):
    """A row of A: the weights with which one output value averages the noisy patch."""

    x: int = Field(description="Column of the output pixel in the image, counted from 0.")
    y: int = Field(description="Row of the output pixel in the image, counted from 0.")
    channel: int = Field(description="Channel of the output value, counted from 0.")
    sum: Number = Field(description="Sum of all weights; near 1 means a weighted mean.")
    scale: Number = Field(description="Largest absolute weight, at which the picture's colors saturate.")
    weights: PngUrl = Field(
        description="PNG of the patch's size: negative blue, 0 white, positive red; for color, mid-gray is 0."
    )


class LayerActivity(Part):
    """A layer of ReLUs."""

    units: int = Field(description="Number of ReLUs for this patch.")
    active: Number = Field(description="Fraction of them that pass their input.")


class LinearRegionSize(Part):
    """The distance the patch may change before A changes."""

    distance: Number = Field(
        description="Length of the smallest step along a random direction that flips a ReLU, relative to ||y||."
    )
    layer: int = Field(description="Layer of that ReLU, counted from 0 in `layers`.")


class WholeImageEstimates(Part):
    """Estimates over the whole image from random probes, valid for independent Gaussian noise only."""

    probes: int = Field(description="Number of random vectors multiplied by A.")
    effective_dimensionality: Number = Field(description="||A||_F^2 of the whole image.")
    trace: Number = Field(description="tr A of the whole image.")
    sigma_estimate: Number = Field(description="Estimated noise standard deviation, 0-255 scale.")
    estimated_psnr: Number | None = Field(
        default=None, description="Estimated PSNR of the denoised image in dB; null if it cannot be estimated."
    )
    standard_errors: dict[str, Number] = Field(
        description="Standard errors of these estimates, by field, due to the random vectors alone. "
        "docs/adr/0001 has the errors of the noise level and the PSNR themselves."
    )


class AnalysisDocument(Part):
    """The analysis of one patch."""

    model: dict[str, str] = Field(description="Name, version and SHA-256 of the model file.")
    request_id: str = Field(description="Request id, as in the log and in `X-Request-Id`.")
    patch: AnalyzedPatch = Field(description="The analyzed patch.")
    method: str = Field(
        description="`dense`: the whole Jacobian, all N singular values. `iterative`: the largest ones only."
    )
    homogeneity_error: Number = Field(
        description="||f(y) - A y|| / ||f(y)||: rounding error for a bias-free network, for which f(y) = A y exactly."
    )
    net_bias_norm: Number | None = Field(
        default=None, description="||f(y) - A y|| of a network with additive constants; null for a bias-free one."
    )
    singular_values: list[Number] = Field(description="s_1 >= s_2 >= ...: gain of each component.")
    symmetry: list[Number] = Field(
        description="u_i . v_i for each singular value: 1 if A only scales the component, as a projection does."
    )
    expansion: list[Number] = Field(description="c_i = s_i (v_i . y): the denoised patch is the sum of c_i u_i.")
    energy_share: list[Number] = Field(
        description="Share of ||f(y)||^2 in the first i terms of that sum; 1 for all terms (0 if f(y) is 0)."
    )
    residuals: list[Number] = Field(
        description="max(||A v_i - s_i u_i||, ||A^T u_i - s_i v_i||): error of each triplet."
    )
    tolerance: Number | None = Field(
        default=None,
        description="Upper bound of every residual, in units of s_1; null if some did not converge in time.",
    )
    effective_dimensionality: Number = Field(
        description="d = sum of s_i^2 = ||A||_F^2: dimension of the space on which the patch is projected. "
        "It decreases as the noise increases."
    )
    trace: Number = Field(
        description="tr A: sum over all places of the weight of the noisy value in the denoised value."
    )
    nuclear_norm: Number | None = Field(
        default=None, description="Sum of the singular values; null if not all are known."
    )
    asymmetry: Number = Field(
        description="||A - A^T||_F / ||A||_F: 0 for a projection; about 0.5 for the shipped networks, whose "
        "leading left and right vectors still agree."
    )
    signal_preserved: Number | None = Field(
        default=None,
        description="Share of the energy of the clean patch in the first d left vectors (d rounded down); without a "
        "clean patch, of the denoised patch. Null if fewer vectors are known.",
    )
    sigma_estimate: Number = Field(
        description="Estimated noise standard deviation of the patch, 0-255 scale; for independent Gaussian noise only."
    )
    standard_errors: dict[str, Number] = Field(
        description="Standard errors, by field, of the numbers estimated from random probes; the others are exact."
    )
    vector_scale: Number = Field(
        description="Value at which the colors of `vectors` saturate: -scale is dark blue, 0 white, +scale dark red. "
        "For color, mid-gray is 0 and each channel has its own sign."
    )
    vectors: list[SingularVectors] = Field(
        description="The first k pairs and, if the whole spectrum is known, the last k."
    )
    filters: list[EquivalentFilter] = Field(
        description="Equivalent filters of the requested pixels; by default of the middle of the patch."
    )
    layers: list[LayerActivity] = Field(description="Activity of the ReLUs, from the input to the output.")
    linear_region: LinearRegionSize | None = Field(
        default=None, description="How far A holds; null if no ReLU would flip, as for a black patch."
    )
    image: WholeImageEstimates | None = Field(
        default=None, description="Estimates over the whole image; null if not requested."
    )
    intensity_range: tuple[Number, Number] = Field(
        description="Black and white of `noisy` and `denoised`, in the image's own intensities: the extremes of the "
        "clean patch; without a clean patch, of the denoised patch."
    )
    noisy: PngUrl = Field(description="The noisy patch y as a PNG, clipped to `intensity_range`.")
    denoised: PngUrl = Field(description="The denoised patch f(y) as a PNG, clipped to the same range.")
