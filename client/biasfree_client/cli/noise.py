"""The command ``biasfree add-noise``: the same noise for the same seed, on any machine."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from biasfree_client import BiasfreeError
from biasfree_client._files import WRITTEN, read, write
from biasfree_client._formats import BY_SUFFIX, Format
from biasfree_client._image import AnyArray
from biasfree_client._save import save
from biasfree_client.cli.denoise import failed, left
from biasfree_client.cli.failure import UsageError, describe
from biasfree_client.cli.names import SAME, Name
from biasfree_client.cli.pixels import by_service, colors_of, read_file, white_of
from biasfree_client.cli.report import Outcome, no_images, report
from biasfree_client.cli.room import make_room
from biasfree_client.cli.sources import Selection
from biasfree_client.cli.targets import Existing, Job, Placement, Targets

#: The name of a result beside its image.
BESIDE = Name("{stem}-noisy{suffix}")
#: Suffix -> format, for the formats that keep the noise: a JPEG would remove much of it again.
WRITABLE = {suffix: each for suffix, each in BY_SUFFIX.items() if each in WRITTEN}
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

    def added_to(self, pixels: AnyArray, *, index: int, alpha: bool = False) -> AnyArray:
        """Add the noise to an image, except to alpha. Integers are rounded and clipped, floats are not.

        The generator's seed is that of the models' evaluation: seed, level in hundredths, index of the image.

        Args:
            pixels: Image (H, W), (H, W, C) or a stack of them, integers or floats.
            index: Position of the image among the images, counted from 0.
            alpha: True if the last sample is alpha.
        """
        white = white_of(pixels.dtype, self.bit_depth)
        colors = colors_of(pixels, alpha=alpha)
        generator = np.random.default_rng([self.seed, round(self.sigma_255 * 100), index])
        noisy = colors / white + self.sigma_255 / 255 * generator.standard_normal(colors.shape)
        result = pixels / white if self.as_float else pixels.astype(np.float64)
        colors_of(result, alpha=alpha)[...] = noisy if self.as_float else noisy * white
        if self.as_float:
            return result.astype(np.float32)
        return _in_type(result, pixels.dtype, white)


def _in_type(values: AnyArray, dtype: np.dtype[Any], white: float) -> AnyArray:
    if np.issubdtype(dtype, np.floating):
        return values.astype(dtype)
    least = np.iinfo(dtype).min
    return np.clip(np.rint(values), least, max(white, 0)).astype(dtype)


@dataclass(frozen=True)
class Writing:
    """How a run over many images writes its results.

    Args:
        output: Folder or file, as typed; None to put results beside their images.
        name: Template of the names of results.
        format: Format of the results; by default the image's, or one that keeps the noise.
        existing: What to do about results that exist.
        dry: Only report what would be done.
        quiet: Report nothing but failures.
        as_json: Report to programs.
    """

    output: str | None = None
    name: Name | None = None
    format: str | None = None
    existing: Existing = Existing.RENEW
    dry: bool = False
    quiet: bool = False
    as_json: bool = False


def add_noise(selection: Selection, noise: Noise, writing: Writing) -> bool:
    """Write a noisy copy of every image.

    Returns:
        True if nothing failed.

    Raises:
        UsageError: There are no images, or the names of their results conflict.
    """
    format = writing.format
    suffix = f".{format}" if format else (".tiff" if noise.as_float else None)
    name = writing.name or (Name(SAME) if writing.output else BESIDE)
    placement = Placement.of(
        writing.output, single=selection.single, suffix=suffix, name=name, instead=INSTEAD, existing=writing.existing
    )
    fixed = placement.file.suffix if placement.file else name.suffix
    if fixed is not None and fixed.lower() not in WRITABLE:
        raise UsageError(f"{placement.file or name.template}: unsupported suffix; use one of {', '.join(WRITABLE)}")
    found = selection.find()
    jobs = Targets(placement).jobs(found.sources)
    if not jobs and not found.troubles:
        raise no_images(selection, found)
    succeeded = not found.troubles
    with report("made noisy", as_json=writing.as_json, quiet=writing.quiet) as reporter:
        reporter.pass_over(found.passed)
        for path, trouble in found.troubles.items():
            reporter.tell(failed(path, trouble))
        reporter.expect(sum(not job.done for job in jobs))
        for index, job in enumerate(jobs):
            outcome = _one(job, noise, writing, index=index)
            reporter.tell(outcome)
            succeeded &= outcome.succeeded
    return succeeded


def _one(job: Job, noise: Noise, writing: Writing, *, index: int) -> Outcome:
    if job.done and job.outdated:
        return left(job, "older")
    exists, again = job.done, job.outdated
    if writing.dry and not exists:
        return Outcome(job.source, job.target, "planned", facts={"again": again})
    try:
        read_ns, clean = job.image_ns, read_file(job.source, by_service)
        noisy = noise.added_to(clean.pixels, index=index, alpha=clean.alpha)
        if exists:
            return _existing(job, noisy)
        make_room(job.target)
        content = write(noisy, WRITABLE[job.target.suffix.lower()].media_type, like=clean)
        kept = job.keep_older()
        save(content, job.target, overwrite=True)
        job.date(read_ns)
    except (BiasfreeError, OSError) as error:
        facts = {"error": describe(error), "kind": type(error).__name__}
        return Outcome(job.source, job.target, "failed", describe(error), facts, error)
    found: dict[str, Any] = {"again": again, "kept": kept and str(kept), "sigma": noise.sigma_255, "seed": noise.seed}
    words = f"the older result is now {kept.name}" if kept else ""
    return Outcome(job.source, job.target, "done", words, {**found, "index": index, "dtype": noisy.dtype.name})


def _existing(job: Job, noisy: AnyArray) -> Outcome:
    """Return the outcome of an image whose result exists: the noise is the same in each run, so it is compared."""
    try:
        same = bool(np.array_equal(read(job.target.read_bytes()), noisy))
    except (BiasfreeError, OSError):
        same = False
    if same:
        return Outcome(job.source, job.target, "skipped")
    return left(job, "stale")
