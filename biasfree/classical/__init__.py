"""Classical denoisers for comparison with the networks: their names and sources.

They use SciPy, scikit-image and PyWavelets (the extra ``classical``), which are imported when a denoiser is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from biasfree.classical.denoiser import ClassicalDenoiser

#: Import names of the libraries in the extra.
LIBRARIES = ("pywt", "scipy", "skimage")


class ClassicalUnavailable(ValueError):
    """The extra is not installed."""


@dataclass(frozen=True)
class Method:
    """A classical denoising method.

    Attributes:
        title: Short description.
        reference: Publication.
        module: Module of this package that contains it.
        function: Name of the function in that module.
        joint: True if it takes all colors at once; the others take one plane of an opponent transform at a time.
    """

    title: str
    reference: str
    module: str
    function: str
    joint: bool = False


METHODS: Mapping[str, Method] = {
    "wiener": Method(
        "Wiener filter of the whole image, for a power spectrum that falls as 1/f^2",
        "Wiener 1949; the spectrum: Field, J. Opt. Soc. Am. A 4, 1987",
        "wiener",
        "global_wiener",
    ),
    "wiener-local": Method(
        "Wiener filter by the mean and variance of a 7 x 7 neighborhood (SciPy)",
        "Lee, IEEE Trans. Pattern Analysis and Machine Intelligence 2, 1980",
        "wiener",
        "local_wiener",
    ),
    "wavelet-soft": Method(
        "Universal soft threshold, sigma sqrt(2 ln N), of the two finest scales of Haar wavelets, over all shifts",
        "Donoho and Johnstone, Biometrika 81, 1994; Coifman and Donoho 1995",
        "wavelet",
        "soft_universal",
    ),
    "wavelet-sure": Method(
        "Soft threshold of undecimated wavelet coefficients, with the least estimated error in each band",
        "Donoho and Johnstone, J. American Statistical Association 90, 1995",
        "wavelet",
        "soft_sure",
    ),
    "wavelet-bayesshrink": Method(
        "Soft threshold of orthogonal wavelet coefficients, sigma^2 / sigma_x in each band (scikit-image)",
        "Chang, Yu and Vetterli, IEEE Trans. Image Processing 9, 2000",
        "wavelet",
        "bayes_shrink",
    ),
    "wavelet-bayes": Method(
        "Posterior mean of each undecimated wavelet coefficient under a generalized-Gaussian marginal",
        "Simoncelli and Adelson, IEEE Int. Conf. Image Processing, 1996",
        "coring",
        "bayesian_coring",
    ),
    "nonlocal-means": Method(
        "Mean over similar patches (scikit-image)",
        "Buades, Coll and Morel, IEEE Conf. Computer Vision and Pattern Recognition, 2005",
        "smoothing",
        "nonlocal_means",
        joint=True,
    ),
    "total-variation": Method(
        "Least total variation near the image (scikit-image)",
        "Rudin, Osher and Fatemi, Physica D 60, 1992; Chambolle, J. Math. Imaging and Vision 20, 2004",
        "smoothing",
        "total_variation",
    ),
}


def available() -> bool:
    """Tell whether the extra is installed, without importing it."""
    return all(find_spec(name) is not None for name in LIBRARIES)


def load(name: str, *, sigma: float | None = None) -> "ClassicalDenoiser":
    """Load a denoiser by name.

    Args:
        name: A key of ``METHODS``.
        sigma: Noise standard deviation in the image's own units; by default estimated from each image.

    Raises:
        ValueError: There is no such method.
        ClassicalUnavailable: The extra is not installed.
    """
    if name not in METHODS:
        raise ValueError(f"there is no classical denoiser {name!r}: choose one of {', '.join(METHODS)}")
    if not available():
        raise ClassicalUnavailable(
            f"{name} requires the extra 'classical', which is not installed: run pip install '.[classical]'"
        )
    from biasfree.classical.denoiser import ClassicalDenoiser

    method = METHODS[name]
    function = getattr(import_module(f"{__name__}.{method.module}"), method.function)
    return ClassicalDenoiser(function, joint=method.joint, sigma=sigma)
