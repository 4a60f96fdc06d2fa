"""The command ``biasfree add-noise``: the same noise for the same seed, on any machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from biasfree_client import BiasfreeError
from biasfree_client._files import read, write
from biasfree_client._formats import BY_SUFFIX, Format
from biasfree_client._image import AnyArray
from biasfree_client._save import save
from biasfree_client.cli.failure import UsageError, describe
from biasfree_client.cli.pixels import colors_of, white_of
from biasfree_client.cli.report import Outcome, report
from biasfree_client.cli.sources import Selection
from biasfree_client.cli.targets import Job, Placement, make_room

MARK = "-noisy"
#: Suffix -> format, for the formats that keep the noise: a JPEG would remove much of it again.
WRITABLE = {suffix: each for suffix, each in BY_SUFFIX.items() if each.keeps_depth}
#: Suffixes of the other formats, and the suffix that their results get instead.
INSTEAD = dict.fromkeys(BY_SUFFIX.keys() - WRITABLE.keys(), Format.PNG.suffixes[0])


@dataclass(frozen=True)
class Noise:
    """Gaussian noise, independent in each sample.

    Args:
        sigma_255: Standard deviation, 0-255 scale.
        seed: Seed; together with the level and the index of an image, it determines the noise.
        bit_depth: Bits per sample in use, if fewer than the type has.
        as_float: Return float32 in 0..1, neither rounded nor clipped.
    """

    sigma_255: float
    seed: int = 0
    bit_depth: int | None = None
    as_float: bool = False

    def added_to(self, pixels: AnyArray, *, index: int) -> AnyArray:
        """Add the noise to an image, except to alpha. Integers are rounded and clipped, floats are not.

        The generator's seed is that of the models' evaluation: seed, level in hundredths, index of the image.

        Args:
            pixels: Image (H, W), (H, W, C) or a stack of them, integers or floats.
            index: Position of the image among the images, counted from 0.
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
        True if nothing failed.

    Raises:
        UsageError: There are no images, or the names of their results conflict.
    """
    suffix = f".{format}" if format else (".tiff" if noise.as_float else None)
    placement = Placement.of(output, single=selection.single, suffix=suffix, mark=MARK, instead=INSTEAD)
    if placement.file is not None and placement.file.suffix.lower() not in WRITABLE:
        raise UsageError(f"{placement.file}: unsupported suffix; use one of {', '.join(WRITABLE)}")
    jobs = placement.jobs(selection.find(), overwrite=overwrite)
    if not jobs:
        raise UsageError(f"{', '.join(selection.inputs)}: no images found; use --recursive to search subfolders")
    return _run(jobs, noise, overwrite=overwrite, as_json=as_json)


def _run(jobs: Sequence[Job], noise: Noise, *, overwrite: bool, as_json: bool) -> bool:
    succeeded = True
    with report("made noisy", as_json=as_json) as reporter:
        reporter.expect(sum(overwrite or not job.done for job in jobs))
        for index, job in enumerate(jobs):
            outcome = _one(job, noise, index=index, overwrite=overwrite)
            reporter.tell(outcome)
            succeeded &= outcome.status != "failed"
    return succeeded


def _one(job: Job, noise: Noise, *, index: int, overwrite: bool) -> Outcome:
    if job.done and not overwrite:
        return Outcome(job.source, job.target, "skipped")
    try:
        noisy = noise.added_to(read(job.source.read_bytes()), index=index)
        make_room(job.target)
        save(write(noisy, WRITABLE[job.target.suffix.lower()].media_type), job.target, overwrite=True)
    except (BiasfreeError, OSError) as error:
        facts = {"error": describe(error), "kind": type(error).__name__}
        return Outcome(job.source, job.target, "failed", describe(error), facts, error)
    found: dict[str, Any] = {"sigma": noise.sigma_255, "seed": noise.seed, "index": index, "dtype": noisy.dtype.name}
    return Outcome(job.source, job.target, "done", "", found)
