"""``train``: from a folder of photographs to a checkpoint."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from rich.console import Console

from training.data.images import NamedImage, rescaled
from training.data.pairs import PairSampler
from training.fit.checkpoint import FILE
from training.fit.heap import keep_freed_memory
from training.fit.processes import Processes
from training.fit.progress import LiveProgress, Silence
from training.fit.recipe import Recipe
from training.fit.start import Start
from training.fit.trainer import Progress, Trainer
from training.fit.validation import Validation, split


def run(
    recipe: Recipe,
    *,
    images: Path,
    output: Path,
    validation: Path | None,
    start_from: Path | None,
    validate_every: int,
    checkpoint_every_s: float,
    device: str | None,
    workers: int = 0,
) -> None:
    """Start a training run, or resume the one in ``output``.

    Args:
        recipe: The settings.
        images: Folder of photographs.
        output: Folder of the run: checkpoint and TensorBoard logs.
        validation: Folder to measure on during training; if None, some of ``images`` are held out.
        start_from: Folder of a run, or a model file, with the initial weights.
        validate_every: Steps between measurements.
        checkpoint_every_s: Seconds between checkpoints.
        device: torch device; defaults to CUDA if available.
        workers: Worker processes, for each training process, that make the pairs ahead of the training.

    Raises:
        ValueError: Recipe, images and the run in ``output`` do not fit together.
        KeyboardInterrupt: The run was interrupted; its state is saved in ``output``.
    """
    keep_freed_memory()
    with Processes.join(device=device) as processes:
        start = Start.read(start_from) if start_from else None
        trained, measured = split(images, validation, channels=recipe.channels)
        output.mkdir(parents=True, exist_ok=True)
        # Worker processes cannot draw on a GPU, and JPEG files are made on the CPU.
        making = torch.device("cpu") if recipe.noise or workers else processes.device
        sampler = pairs_of(recipe, trained, rank=processes.rank, device=making)
        hashes = {image.name: image.sha256 for image in trained}
        trainer = Trainer(
            recipe,
            sampler,
            images=hashes,
            processes=processes,
            start=start,
            workers=workers,
        )
        validate = Validation(measured, device=processes.device)
        with _reporter(recipe, output, processes) as progress:
            trainer.fit(
                output,
                progress=progress,
                validate=validate,
                validate_every=validate_every,
                checkpoint_every_s=checkpoint_every_s,
            )


def pairs_of(
    recipe: Recipe, photographs: Sequence[NamedImage], *, rank: int = 0, device: torch.device | str = "cpu"
) -> PairSampler:
    """Return the source of a recipe's training pairs; arguments as for ``PairSampler``."""
    return PairSampler(
        [rescaled(image.pixels, scale) for image in photographs for scale in recipe.scales],
        patch=recipe.patch,
        batch=recipe.batch,
        sigma_max=recipe.sigma_max,
        sigma_power=recipe.sigma_power,
        saturation=recipe.saturation,
        grain=recipe.grain,
        permute_channels=recipe.permute_channels,
        noise=recipe.noise,
        detailed=recipe.detailed,
        seed=recipe.seed,
        rank=rank,
        device=device,
    )


@contextmanager
def _reporter(recipe: Recipe, output: Path, processes: Processes) -> Iterator[Progress]:
    """Show the progress and, at the end, the result and the next command; in the first process only."""
    if not processes.is_first:
        yield Silence()
        return
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    pixels = recipe.batch * recipe.patch**2 * processes.count
    if recipe.precision == "bf16" and not processes.has_bf16:
        console.print(f"This {processes.device.type} has no bfloat16: using float32, which is slower and as exact.")
    try:
        with LiveProgress(output, pixels_per_step=pixels, console=console) as progress:
            yield progress
    except KeyboardInterrupt:
        console.print(f"Interrupted. Run the same command to resume from {output / FILE}.")
        raise
    console.print(
        f"The weights are in {output / FILE}. Next: "
        f"python -m training export {output} --output {output.name}.onnx --name {output.name}"
    )
