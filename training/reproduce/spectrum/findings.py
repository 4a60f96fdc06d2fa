"""All measurements of ``reproduce spectrum``."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from biasfree.architectures import Network
from training.reproduce.patches import Patch
from training.reproduce.spectrum import gallery, spectra, subspaces
from training.reproduce.spectrum.activity import LayerActivity, measure_activity
from training.reproduce.spectrum.dimensionality import Dimensionality, measure_dimensionality
from training.reproduce.spectrum.gallery import Gallery, measure_galleries
from training.reproduce.spectrum.spectra import Spectra, measure_spectra
from training.reproduce.spectrum.subspaces import Subspaces, measure_subspaces


@dataclass(frozen=True)
class Findings:
    """Measurements of one network.

    Attributes:
        model: The model's name and version.
        images: The folder's name.
        names: The photographs' names (M,).
        side: P.
        size: N.
        dimensionality: d against the noise level.
        subspaces: The signal's subspace in each patch.
        spectra: The spectra of all patches.
        galleries: Singular vectors of two patches.
        layers: Activity of the ReLU layers.
    """

    model: str
    images: str
    names: tuple[str, ...]
    side: int
    size: int
    dimensionality: Dimensionality
    subspaces: list[Subspaces]
    spectra: Spectra
    galleries: list[Gallery]
    layers: list[LayerActivity]

    @classmethod
    def of(cls, network: Network, patches: Sequence[Patch], *, model: str, images: str) -> Self:
        """Measure a network.

        Raises:
            OutOfMemoryBudget: The patches are too large.
        """
        return cls(
            model=model,
            images=images,
            names=tuple(patch.name for patch in patches),
            side=patches[0].side,
            size=patches[0].clean.numel(),
            dimensionality=measure_dimensionality(network, patches),
            subspaces=measure_subspaces(network, patches),
            spectra=measure_spectra(network, patches),
            galleries=measure_galleries(network, patches),
            layers=measure_activity(network, patches),
        )

    @property
    def subject(self) -> str:
        """Describe in words what was measured on which images."""
        return f"{self.model}, {len(self.names)} images of {self.images}, {self.side} x {self.side}"

    def facts(self) -> dict[str, Any]:
        """Return all numbers."""
        return {
            "model": self.model,
            "images": self.images,
            "names": self.names,
            "side": self.side,
            "size": self.size,
            "dimensionality": {
                "sigmas_255": self.dimensionality.sigmas_255,
                "values": self.dimensionality.values,
                "means": self.dimensionality.means,
                "slope": self.dimensionality.slope,
            },
            "subspaces": {
                "sigmas_255": subspaces.SIGMAS_255,
                "patches": [asdict(each) for each in self.subspaces],
            },
            "spectra": {"sigma_255": spectra.SIGMA_255, **vars(self.spectra)},
            "galleries": {
                "sigma_255": gallery.SIGMA_255,
                "patches": [_without_pictures(each) for each in self.galleries],
            },
            "layers": {"sigmas_255": subspaces.SIGMAS_255, "layers": [vars(each) for each in self.layers]},
        }


def _without_pictures(each: Gallery) -> dict[str, Any]:
    pictures = {"clean", "noisy", "denoised", "left", "right"}
    return {name: value for name, value in vars(each).items() if name not in pictures}
