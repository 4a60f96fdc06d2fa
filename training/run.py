"""``train``: from a folder of photographs to a checkpoint."""

from pathlib import Path

from training.images import NamedImage, read_folder
from training.pairs import PairSampler
from training.processes import Processes
from training.progress import LiveProgress, Silence
from training.recipe import Recipe
from training.trainer import Trainer
from training.validation import Validation

#: Without a folder of their own, this many images are held out of training for the running PSNR.
HELD_OUT = 8


def run(
    recipe: Recipe,
    *,
    images: Path,
    output: Path,
    validation: Path | None,
    validate_every: int,
    checkpoint_every_s: float,
    device: str | None,
) -> None:
    """Train by a recipe, or go on with what ``output`` holds.

    Args:
        recipe: What to train.
        images: Folder of photographs.
        output: Folder of the run: checkpoint and TensorBoard logs.
        validation: Folder measured during training; without it some of ``images`` are held out.
        validate_every: Steps between measurements.
        checkpoint_every_s: Seconds between checkpoints.
        device: torch device; by default CUDA where there is one.
    """
    output.mkdir(parents=True, exist_ok=True)
    trained, measured = _split(images, validation, channels=recipe.channels)
    processes = Processes.start(device=device)
    sampler = PairSampler(
        [image.pixels for image in trained],
        patch=recipe.patch,
        batch=recipe.batch,
        sigma_max=recipe.sigma_max,
        sigma_power=recipe.sigma_power,
        seed=recipe.seed,
        rank=processes.rank,
        device=processes.device,
    )
    hashes = {image.name: image.sha256 for image in trained}
    trainer = Trainer(recipe, sampler, images=hashes, processes=processes)
    pixels = recipe.batch * recipe.patch**2 * processes.count
    with LiveProgress(output, pixels_per_step=pixels) if processes.is_first else Silence() as progress:
        trainer.fit(
            output,
            progress=progress,
            validate=Validation(measured, device=processes.device),
            validate_every=validate_every,
            checkpoint_every_s=checkpoint_every_s,
        )
    processes.stop()


def _split(images: Path, validation: Path | None, *, channels: int) -> tuple[list[NamedImage], list[NamedImage]]:
    """Images to train on and images to measure on; no file is in both."""
    everything = read_folder(images, channels=channels)
    if validation is None:
        every = max(2, len(everything) // HELD_OUT)
        measured = everything[::every]
    else:
        measured = read_folder(validation, channels=channels)
    kept_out = {image.sha256 for image in measured}
    return [image for image in everything if image.sha256 not in kept_out], measured
