"""What ``reproduce generalisation`` measures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.evaluate.scores import Score
from training.reproduce.sheet import Sheet
from training.reproduce.twins import FULL, NARROW, Twin

SIGMAS_255 = (5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0)
#: Where the paper's gap is stated, 0-255 scale.
FAR_255 = 90.0


@dataclass(frozen=True)
class Measured:
    """A network's scores, one for each of ``SIGMAS_255``."""

    twin: Twin
    scores: tuple[Score, ...]

    @property
    def psnr_db(self) -> Sequence[float]:
        """PSNR at each noise level."""
        return [score.psnr_db for score in self.scores]

    def at(self, sigma_255: float) -> float:
        """PSNR in dB at one noise level."""
        return next(score.psnr_db for score in self.scores if score.sigma_255 == sigma_255)


@dataclass(frozen=True)
class Generalisation:
    """What was measured, by architecture.

    Attributes:
        images: Name of the folder measured on.
        noisy: Scores of the noisy images themselves.
        networks: Architecture -> its networks.
    """

    images: str
    noisy: tuple[Score, ...]
    networks: Mapping[str, Sequence[Measured]]

    def sheets(self) -> list[Sheet]:
        """The curves, and what they come to far outside of the narrow range."""
        return [self._curves(), self._gaps()]

    def facts(self) -> dict[str, Any]:
        """All numbers."""
        return {
            "images": self.images,
            "noisy": [asdict(score) for score in self.noisy],
            "networks": {
                each.twin.name: {
                    "recipe": each.twin.recipe.model_dump(),
                    "scores": [asdict(score) for score in each.scores],
                }
                for group in self.networks.values()
                for each in group
            },
        }

    def _curves(self) -> Sheet:
        rows = [("noisy input", *(f"{score.psnr_db:.2f}" for score in self.noisy))]
        rows += [
            (each.twin.name, *(f"{value:.2f}" for value in each.psnr_db))
            for group in self.networks.values()
            for each in group
        ]
        head = ("trained on", *(f"{sigma:g}" for sigma in SIGMAS_255))
        return Sheet(f"PSNR in dB on {self.images} by sigma", head, tuple(rows))

    def _gaps(self) -> Sheet:
        rows = []
        for architecture, group in self.networks.items():
            free, bias = (_at_far(group, sigma_max=NARROW, bias=bias) for bias in (False, True))
            full = _at_far(group, sigma_max=FULL, bias=False)
            rows.append((architecture, *(f"{value:.2f}" for value in (full, free, full - free, bias, free - bias))))
        head = (
            "",
            f"bias-free 0-{FULL:g}",
            f"bias-free 0-{NARROW:g}",
            "lost",
            f"bias 0-{NARROW:g}",
            "gap of the twins",
        )
        return Sheet(f"PSNR in dB at sigma {FAR_255:g}", head, tuple(rows))


def _at_far(group: Sequence[Measured], *, sigma_max: float, bias: bool) -> float:
    return next(each.at(FAR_255) for each in group if (each.twin.sigma_max, each.twin.bias) == (sigma_max, bias))
