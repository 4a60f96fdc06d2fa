"""``export``: from a run's checkpoint to a verified, measured model file."""

import hashlib
import math
import platform
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
import onnx
import torch

from biasfree.architectures import Network
from biasfree.artifact import initializers, save, weights_sha256
from biasfree.card import Card, CaseScore, Evaluation, Golden, Score, Stage, Training
from biasfree.choice import CHOICES
from biasfree.classical import METHODS
from biasfree.export import to_onnx
from training.data.images import NamedImage, read_folder, read_pairs
from training.data.photos import PHOTOS, list_sha256, read_photos
from training.data.sources import IMAGE_SETS, ImageSet
from training.evaluate.metrics import SIGMAS_255
from training.evaluate.onnx_model import OnnxDenoiser
from training.evaluate.robustness.measure import measure_cases, measure_pairs
from training.evaluate.scores import evaluate, identity
from training.export.output import prepare
from training.fit.checkpoint import Checkpoint
from training.fit.recipe import Recipe
from training.fit.start import Start

T = TypeVar("T")

#: Side and noise of the golden tile: larger than several cells of the coarsest scale, and not a multiple of them.
GOLDEN_SIDE = 27
GOLDEN_SIGMA_255 = 25.0

#: Kernels of more values than this are rounded. Those of the first layer, which ignore constants, stay exact.
ROUNDED_VALUES = 10_000

#: Entry on a card if the owner of a run states nothing.
NOT_STATED = "not stated"

#: Libraries that the numbers on a card depend on.
LIBRARIES = ("numpy", "onnx", "onnxruntime-gpu", "torch")


@dataclass(frozen=True)
class Provenance:
    """Facts for the card that only the owner of a run knows.

    Attributes:
        name: The model's name in the service.
        version: The model's version.
        data: The training images: in words, or names of image sets separated by commas, oldest first.
        licence: Their license, in words; if not stated, that of the image sets.

    Raises:
        ValueError: The service could not serve a model of this name.
    """

    name: str
    version: str
    data: str
    licence: str

    def __post_init__(self) -> None:
        """Refuse names that are not part of an address, or already mean something else in the service."""
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise ValueError(f"the name {self.name!r} is not possible: use letters, digits, '.', '_' and '-'")
        if self.name in (*CHOICES, *METHODS):
            raise ValueError(f"the name {self.name!r} already means a choice of the service: use another one")


def export(
    run: Path,
    output: Path,
    provenance: Provenance,
    *,
    evaluation_sets: Sequence[Path],
    pairs: Sequence[Path] = (),
    start: Path | None = None,
    start_share: float = 0,
) -> Card:
    """Write a run's averaged network as a model file.

    A mean with the weights from which the run started keeps some of what these did better (Wortsman et al. 2022,
    "Robust fine-tuning of zero-shot models").

    Args:
        run: Folder of a run.
        output: The ``.onnx`` file to write.
        provenance: The model's origin, for the card.
        evaluation_sets: Folders of clean images to measure the exported file on. The cases of noise that is not white
            are made from the first one.
        pairs: Folders of real pairs to measure the exported file on.
        start: What the run started from: the folder of a run, a model file or the name of a shipped model.
        start_share: Share of the weights of ``start`` in the mean that is written, from 0 to 1.

    Returns:
        The card that was written.

    Raises:
        OSError: ``output`` cannot be written; this is tested before the work.
        ValueError: ``run`` has no checkpoint, ``start`` has other weights, a folder has no images, pairs do not match,
            an evaluation image was trained on, or ``provenance`` names the listed photographs although other images
            were trained on. All of this is tested before the work, too.
        ArtifactError: The graph failed its verification; nothing was written.
    """
    checkpoint = Checkpoint.load(run)
    if checkpoint is None:
        raise ValueError(f"no checkpoint in {run}; name the folder of a training run")
    prepare(output)
    training = _training(checkpoint, provenance, start_share if start else 0)
    network = checkpoint.averaged_network()
    if start:
        network = mean(network, Start.read(start).weights, start_share)
    network = rounded(network.folded().eval())
    channels = checkpoint.recipe.channels
    sets = {folder: _unseen(folder, checkpoint) for folder in evaluation_sets}
    for folder in pairs:
        read_pairs(folder, channels=channels)
    model = to_onnx(network)
    card = card_of(
        network,
        model,
        provenance,
        architecture=checkpoint.recipe.architecture,
        training=training,
        evaluations=_measured(model, lambda file: _evaluations(file, sets)),
        robustness=_measured(model, lambda file: _robustness(file, channels, [*sets.values()][:1], pairs)),
    )
    save(model, card, output)
    return card


def card_of(
    network: Network,
    model: onnx.ModelProto,
    provenance: Provenance,
    *,
    architecture: str,
    training: Training,
    evaluations: tuple[Evaluation, ...] = (),
    robustness: tuple[CaseScore, ...] = (),
) -> Card:
    """Return the card of a model.

    Args:
        network: Folded, in evaluation mode.
        model: Its graph.
        provenance: Its origin.
        architecture: A key of ``biasfree.architectures.ARCHITECTURES``.
        training: Its training.
        evaluations: Its quality on white noise.
        robustness: Its quality on other noise.
    """
    return Card(
        name=provenance.name,
        version=provenance.version,
        architecture=architecture,
        arguments=network.arguments,
        channels=int(network.arguments["channels"]),
        receptive_radius=network.receptive_radius,
        stride=network.stride,
        parameters=network.parameter_count,
        macs_per_pixel=network.macs_per_pixel,
        training=training,
        evaluations=evaluations,
        robustness=robustness,
        golden=_golden(network),
        weights_sha256=weights_sha256(initializers(model)),
        git_commit=_git_commit(),
        libraries=_libraries(),
    )


def mean(network: Network, start: Mapping[str, torch.Tensor], share: float) -> Network:
    """Replace the weights of a network by their mean with those it started from, and return the network.

    Args:
        network: The network, not folded.
        start: The weights it started from, by their names.
        share: Their share, from 0 to 1.

    Raises:
        ValueError: ``start`` has other names or shapes.
    """
    weights = network.state_dict()
    if {name: value.shape for name, value in weights.items()} != {name: value.shape for name, value in start.items()}:
        raise ValueError("the start has other weights than the run: name the network that the run started from")
    for name, value in weights.items():
        if value.is_floating_point():
            value.lerp_(start[name], share)
    return network


def rounded(network: Network) -> Network:
    """Round the large kernels to the 11 significant bits of float16 and return the network.

    They stay float32, but compress to 0.6 of their size in wheels, containers and Git.
    """
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() > ROUNDED_VALUES:
                mantissa, exponent = torch.frexp(parameter)
                parameter.copy_(torch.ldexp(torch.round(mantissa * 2**11) / 2**11, exponent))
    return network


def _training(checkpoint: Checkpoint, provenance: Provenance, start_share: float = 0) -> Training:
    digest = hashlib.sha256("".join(sorted(checkpoint.images.values())).encode())
    data, licence = _origin(checkpoint, provenance)
    return Training(
        data=data,
        licence=licence,
        images=len(checkpoint.images),
        images_sha256=digest.hexdigest(),
        sigma_range_255=(0.0, _sigma_max(checkpoint.recipe)),
        stages=tuple(Stage.model_validate(stage) for stage in checkpoint.stages),
        start_share=start_share,
    )


def _sigma_max(recipe: Recipe) -> float:
    """Return the largest white noise in training, which a ``[noise]`` table sets for its own white part."""
    return recipe.sigma_max if recipe.noise is None else recipe.noise.white.sigma_max


def _origin(checkpoint: Checkpoint, provenance: Provenance) -> tuple[str, str]:
    """Return data and license in words; names of image sets are replaced by their descriptions."""
    names = [name.strip() for name in provenance.data.split(",")]
    if not set(names) <= IMAGE_SETS.keys():
        return provenance.data, provenance.licence
    if names[-1] == PHOTOS:
        _refuse_unlisted(checkpoint)
    sets = [IMAGE_SETS[name] for name in names]
    # A set may be named for each of several stages.
    once = list(dict.fromkeys(sets))
    data = [_described(image_set) for image_set in once]
    licence = [f"{image_set.name}: {image_set.licence}" for image_set in once]
    if checkpoint.earlier and len(sets) == 1:
        # A checkpoint does not record the images behind its initial weights.
        data.insert(0, "the images of the stages before the last: not stated")
        licence.insert(0, "those before the last stage: not stated")
    stated = provenance.licence != NOT_STATED
    return "; ".join(data), provenance.licence if stated else "; ".join(licence)


def _described(image_set: ImageSet) -> str:
    words = f"{image_set.name}: {image_set.count} images, {image_set.home}"
    return f"{words}, SHA-256 of the list {list_sha256()}" if image_set.name == PHOTOS else words


def _refuse_unlisted(checkpoint: Checkpoint) -> None:
    """Refuse to name the list of photographs if the run was trained on other files."""
    listed = {photo.file for photo in read_photos()}
    others = sorted(name for name in checkpoint.images if PurePosixPath(name).name not in listed)
    if others:
        raise ValueError(
            f"{len(others)} of the training images are not in the image set {PHOTOS} (the first: {others[0]}); "
            "describe the images in words with --data"
        )


def _measured(model: onnx.ModelProto, measure: Callable[[OnnxDenoiser], T]) -> T:
    """Measure the graph that is about to be written."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        onnx.save_model(model, path)
        return measure(OnnxDenoiser(path))


def _evaluations(denoiser: OnnxDenoiser, sets: Mapping[Path, Sequence[NamedImage]]) -> tuple[Evaluation, ...]:
    """Measure the quality on white noise."""
    return tuple(_evaluation(denoiser, folder.name, images) for folder, images in sets.items())


def _robustness(
    denoiser: OnnxDenoiser, channels: int, sets: Iterable[Sequence[NamedImage]], pairs: Iterable[Path]
) -> tuple[CaseScore, ...]:
    """Measure the quality on real pairs and on the cases made from clean images."""
    real = [score for folder in pairs for score in measure_pairs(denoiser, folder, channels=channels)]
    made = [score for images in sets for score in measure_cases(denoiser, images)]
    return (*real, *made)


def _unseen(folder: Path, checkpoint: Checkpoint) -> list[NamedImage]:
    """Read images to measure on, and refuse those that were trained on."""
    images = read_folder(folder, channels=checkpoint.recipe.channels)
    trained = set(checkpoint.images.values())
    seen = [image.name for image in images if image.sha256 in trained]
    if seen:
        raise ValueError(
            f"cannot evaluate on training images: {', '.join(seen)} in {folder}; use images that were not trained on"
        )
    return images


def _evaluation(denoiser: OnnxDenoiser, name: str, images: Sequence[NamedImage]) -> Evaluation:
    measured = evaluate(denoiser, images, SIGMAS_255)
    noisy = evaluate(identity, images, SIGMAS_255)
    scores = tuple(
        Score(
            sigma_255=score.sigma_255,
            psnr_db=round(score.psnr_db, 3),
            input_psnr_db=round(before.psnr_db, 3) if math.isfinite(before.psnr_db) else None,
            ssim=round(score.ssim, 4),
        )
        for score, before in zip(measured, noisy, strict=True)
    )
    return Evaluation(images=name, count=len(images), scores=scores)


@torch.no_grad()
def _golden(network: Network) -> Golden:
    """Denoise a ramp with an edge and noise by the torch network; every device must reproduce the result."""
    random = np.random.default_rng(0)
    channels = int(network.arguments["channels"])
    ramp = np.linspace(0.1, 0.9, GOLDEN_SIDE, dtype=np.float32)
    clean = np.broadcast_to(ramp + 0.3 * (ramp > 0.5)[:, None], (channels, GOLDEN_SIDE, GOLDEN_SIDE))
    noisy = (clean + GOLDEN_SIGMA_255 / 255 * random.standard_normal(clean.shape)).astype(np.float32)
    denoised = network(torch.from_numpy(noisy)[None])[0].numpy()
    return Golden.of(noisy, denoised)


def _libraries() -> dict[str, str]:
    """Return the versions of Python and of the libraries that the numbers on a card depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def _git_commit() -> str:
    """Return the commit of the code, marked as dirty after local changes; ``unknown`` outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # a fixed command
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
