"""Networks that differ in one thing: additive constants, or the noise they were trained on."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from biasfree.architectures import Network
from training.fit.checkpoint import Checkpoint
from training.fit.recipe import Recipe
from training.fit.run import run
from training.reproduce.catalogue import Request

#: Largest noise in training, 0-255 scale: the paper's ranges, of which the last is not left here.
NARROW, MIDDLE, FULL = 10.0, 55.0, 100.0
#: Between checkpoints of a run that takes minutes.
CHECKPOINT_EVERY_S = 60.0


@dataclass(frozen=True)
class Twin:
    """One of six: what it is trained by, and what tells it from the others."""

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

    def trained(self, request: Request) -> Network:
        """The network: trained, gone on with, or read where it is there already.

        Raises:
            ValueError: There are no photographs to train on.
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
    """With and without additive constants, trained on each of the ranges, all else equal."""
    for sigma_max, bias in product((NARROW, MIDDLE, FULL), (False, True)):
        arguments = {**recipe.arguments, "bias": bias}
        yield Twin(recipe.model_copy(update={"arguments": arguments, "sigma_max": sigma_max}))
