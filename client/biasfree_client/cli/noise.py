"""``biasfree add-noise``: the same noise for the same seed, on any machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from biasfree_client import BiasfreeError
from biasfree_client._files import LOSSLESS, read, write
from biasfree_client._save import save
from biasfree_client.cli.failure import UsageError, describe
from biasfree_client.cli.pixels import AnyArray, colors_of, white_of
from biasfree_client.cli.report import Outcome, report
from biasfree_client.cli.sources import Selection
from biasfree_client.cli.targets import Job, Placement, make_room

MARK = "-noisy"
#: Formats that are not written here, and what is instead: a JPEG would take the noise away again.
LOSSY = dict.fromkeys((".jpg", ".jpeg", ".webp", ".bmp"), ".png")


@dataclass(frozen=True)
class Noise:
    """Gaussian noise, independent in each sample.

    Args:
        sigma_255: Standard deviation, 0-255 scale.
        seed: With the level and an image's place among the images it decides the noise.
        bit_depth: Bits that are in use, where fewer than the type has.
        as_float: Give float32 in 0..1, neither rounded nor clipped.
    """

    sigma_255: float
    seed: int = 0
    bit_depth: int | None = None
    as_float: bool = False

    def added_to(self, pixels: AnyArray, *, index: int) -> AnyArray:
        """The image with noise; alpha as it was. Integers are rounded and clipped to black and white, floats not.

        The generator is the one with which the models are measured: seed, level in hundredths, place of the image.

        Args:
            pixels: (H, W), (H, W, C) or a stack of them, integers or floats.
            index: Place of the image among the images, counted from 0.
        """
        white = white_of(pixels.dtype, self.bit_depth)
        colors = colors_of(pixels)
        generator = np.random.default_rng([self.seed, round(self.sigma_255 * 100), index])
        noisy = colors / white + self.sigma_255 / 255 * generator.standard_normal(colors.shape)
        result = pixels / white if self.as_float else pixels.astype(np.float64)
        colors_of(result)[...] = noisy if self.as_float else noisy * white
        if self.as_float:
            return result.astype(np.float32)
        return _in_type(result, pixels.dtype, white)


def _in_type(values: AnyArray, dtype: np.dtype[Any], white: float) -> AnyArray:
    if np.issubdtype(dtype, np.floating):
        return values.astype(dtype)
    least = np.iinfo(dtype).min
    return np.clip(np.rint(values), least, max(white, 0)).astype(dtype)


def add_noise(
    selection: Selection, output: str | None, noise: Noise, *, format: str | None, overwrite: bool, as_json: bool
) -> bool:
    """Write a noisy copy of every image.

    Returns:
        Whether nothing failed.

    Raises:
        UsageError: There is nothing to do, or the names contradict each other.
    """
    suffix = f".{format}" if format else (".tiff" if noise.as_float else None)
    placement = Placement.of(output, single=selection.single, suffix=suffix, mark=MARK, instead=LOSSY)
    if placement.file is not None and placement.file.suffix.lower() not in LOSSLESS:
        raise UsageError(f"{placement.file}: expected a name that ends in {', '.join(LOSSLESS)}")
    jobs = placement.jobs(selection.find(), overwrite=overwrite)
    if not jobs:
        raise UsageError(f"{', '.join(selection.inputs)}: no images there; --recursive looks into folders below")
    return _run(jobs, noise, overwrite=overwrite, as_json=as_json)


def _run(jobs: Sequence[Job], noise: Noise, *, overwrite: bool, as_json: bool) -> bool:
    succeeded = True
    with report("made noisy", as_json=as_json) as told:
        told.expect(sum(overwrite or not job.done for job in jobs))
        for index, job in enumerate(jobs):
            outcome = _one(job, noise, index=index, overwrite=overwrite)
            told.tell(outcome)
            succeeded &= outcome.status != "failed"
    return succeeded


def _one(job: Job, noise: Noise, *, index: int, overwrite: bool) -> Outcome:
    if job.done and not overwrite:
        return Outcome(job.source, job.target, "skipped")
    try:
        noisy = noise.added_to(read(job.source.read_bytes()), index=index)
        make_room(job.target)
        save(write(noisy, LOSSLESS[job.target.suffix.lower()]), job.target, overwrite=True)
    except (BiasfreeError, OSError) as error:
        facts = {"error": describe(error), "kind": type(error).__name__}
        return Outcome(job.source, job.target, "failed", describe(error), facts, error)
    found: dict[str, Any] = {"sigma": noise.sigma_255, "seed": noise.seed, "index": index, "dtype": noisy.dtype.name}
    return Outcome(job.source, job.target, "done", "", found)
