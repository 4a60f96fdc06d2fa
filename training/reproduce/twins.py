"""Networks that differ in one thing: additive constants, or the noise they were trained on."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from biasfree.architectures import Network
from training.checkpoint import Checkpoint
from training.recipe import Recipe
from training.run import run

#: Largest noise in training, 0-255 scale: the range that is left far behind, and the one that is not left.
NARROW, FULL = 10.0, 100.0
#: Between checkpoints of a run that takes minutes.
CHECKPOINT_EVERY_S = 60.0


@dataclass(frozen=True)
class Twin:
    """One of four: what it is trained by, and what tells it from the others."""

    recipe: Recipe

    @property
    def bias(self) -> bool:
        """Whether it has additive constants."""
        return bool(self.recipe.arguments["bias"])

    @property
    def sigma_max(self) -> float:
        """Largest noise in training, 0-255 scale."""
        return self.recipe.sigma_max

    @property
    def name(self) -> str:
        """As in tables, and of its folder."""
        kind = "bias" if self.bias else "bias-free"
        return f"{self.recipe.architecture} {kind} 0-{self.sigma_max:g}"

    def trained(self, folder: Path, *, images: Path, validation: Path) -> Network:
        """The network: trained, gone on with, or read where it is there already.

        Args:
            folder: Of all runs; this one's is in it.
            images: Photographs to train on.
            validation: Photographs for the running PSNR.
        """
        output = folder / self.name.replace(" ", "-")
        run(
            self.recipe,
            images=images,
            output=output,
            validation=validation,
            start_from=None,
            validate_every=max(1, (self.recipe.steps or 1) // 4),
            checkpoint_every_s=CHECKPOINT_EVERY_S,
            device=None,
        )
        checkpoint = Checkpoint.load(output)
        assert checkpoint is not None
        return checkpoint.averaged_network().folded().eval()


def twins(recipe: Recipe) -> Iterator[Twin]:
    """With and without additive constants, trained on the narrow range and on the full one, all else equal."""
    for sigma_max, bias in product((NARROW, FULL), (False, True)):
        arguments = {**recipe.arguments, "bias": bias}
        yield Twin(recipe.model_copy(update={"arguments": arguments, "sigma_max": sigma_max}))
