"""Networks that differ only in their additive constants or in the noise they were trained on."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from biasfree.architectures import Network
from training.fit.checkpoint import Checkpoint
from training.fit.recipe import Recipe
from training.fit.run import run
from training.reproduce.pages import Request

#: Largest noise in training, 0-255 scale: the paper's ranges. The noise measured here never exceeds the last.
NARROW, MIDDLE, FULL = 10.0, 55.0, 100.0
#: Seconds between checkpoints; a run takes minutes.
CHECKPOINT_EVERY_S = 60.0


@dataclass(frozen=True)
class Twin:
    """One of six networks, described by its recipe."""

    recipe: Recipe

    @property
    def bias(self) -> bool:
        """Tell whether the network has additive constants."""
        return bool(self.recipe.arguments["bias"])

    @property
    def sigma_max(self) -> float:
        """Return the largest noise in training, 0-255 scale."""
        return self.recipe.sigma_max

    @property
    def name(self) -> str:
        """Return the name for tables and, with hyphens, for the run's folder."""
        kind = "bias" if self.bias else "bias-free"
        return f"{self.recipe.architecture} {kind} 0-{self.sigma_max:g}"

    def trained(self, request: Request) -> Network:
        """Return the network: train it, resume its run, or read the finished run.

        Raises:
            ValueError: No folder to train on was named.
        """
        output = request.output / "runs" / self.name.replace(" ", "-")
        run(
            self.recipe,
            images=request.photographs_to_train_on(),
            output=output,
            validation=request.images,
            start_from=None,
            validate_every=max(1, (self.recipe.steps or 1) // 4),
            checkpoint_every_s=CHECKPOINT_EVERY_S,
            device=None,
        )
        checkpoint = Checkpoint.load(output)
        assert checkpoint is not None
        return checkpoint.averaged_network().folded().eval()


def twins(recipe: Recipe) -> Iterator[Twin]:
    """Yield the recipe with and without additive constants for each noise range, all else being equal."""
    for sigma_max, bias in product((NARROW, MIDDLE, FULL), (False, True)):
        arguments = {**recipe.arguments, "bias": bias}
        yield Twin(recipe.model_copy(update={"arguments": arguments, "sigma_max": sigma_max}))
