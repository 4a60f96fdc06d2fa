"""The training loop."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import nn
from torch.nn import functional as F

from biasfree.architectures import Network, build
from training.data.pairs import TrainingPairs
from training.data.prefetch import Pairs, batches
from training.fit.average import WeightAverage
from training.fit.checkpoint import BEST, Checkpoint, Measurement
from training.fit.interruption import Interruption
from training.fit.muon import Muon
from training.fit.processes import Processes
from training.fit.recipe import Recipe
from training.fit.start import Start
from training.fit.widen import widen

# Added to each patch's mean squared error: errors below half a gray level do not matter.
_LEAST_SQUARED_ERROR = (0.5 / 255) ** 2


def _psnr_loss(denoised: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Return the negative mean PSNR of the patches in dB, which weighs all noise levels equally."""
    squared_errors = (denoised - clean).square().flatten(1).mean(dim=1)
    loss: torch.Tensor = 10 * (squared_errors + _LEAST_SQUARED_ERROR).log10().mean()
    return loss


def _root_loss(denoised: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Return the mean square root of the patches' mean absolute errors.

    Low noise counts more than in the L1 loss and less than in the PSNR loss.
    """
    errors = (denoised - clean).abs().flatten(1).mean(dim=1)
    loss: torch.Tensor = (errors + _LEAST_SQUARED_ERROR**0.5).sqrt().mean()
    return loss


LOSSES: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "l1": F.l1_loss,
    "l2": F.mse_loss,
    "psnr": _psnr_loss,
    "root": _root_loss,
}


@dataclass(frozen=True)
class StepResult:
    """The result of one step: ``loss`` in units of [0, 1], ``progress`` through the budget in [0, 1]."""

    step: int
    progress: float
    elapsed_s: float
    loss: float
    learning_rate: float


class Progress(Protocol):
    """An observer of a run."""

    def on_step(self, result: StepResult) -> None:
        """Report a finished step."""

    def on_validation(self, step: int, psnr_db: float) -> None:
        """Report a measurement of the averaged network."""


class Trainer:
    """A training run of one network by one recipe.

    Args:
        recipe: The settings.
        pairs: Source of the batches.
        images: Name -> SHA-256 of every training image, kept in the checkpoint and the card.
        processes: This process among its peers.
        start: Initial weights, and the stages that led to them.
        workers: Worker processes that make the pairs ahead of the training; 0 makes them in this process.
        clock: Returns seconds; replaced in tests.

    Raises:
        ValueError: ``start`` has another architecture, or is missing although the recipe has a ``start_share``.
    """

    def __init__(
        self,
        recipe: Recipe,
        pairs: Pairs,
        *,
        images: dict[str, str],
        processes: Processes,
        start: Start | None = None,
        workers: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self._recipe, self._pairs, self._processes, self._clock = recipe, pairs, processes, clock
        self._workers = workers
        self._images = images
        network = build(recipe.architecture, recipe.arguments)
        self._earlier = [] if start is None else start.stages
        self._started = start is not None
        self.measurements: list[Measurement] = []
        initialize(network, start, recipe)
        self._start = deepcopy(network.state_dict()) if recipe.start_share else None
        self._bf16 = recipe.precision == "bf16" and processes.has_bf16
        # In float32, oneDNN's convolutions are 5 to 10 % faster on contiguous images.
        self._memory_format = torch.channels_last if self._bf16 else torch.contiguous_format
        # torch's type stubs lack memory_format.
        self._network: Network = network.to(processes.device, memory_format=self._memory_format)  # type: ignore[call-overload]
        self._shared = processes.share(self._network)
        self._average = WeightAverage(self._network, decay=recipe.ema_decay)
        self._optimizers = _optimizers(self._network, recipe)
        self._peaks = [[group["lr"] for group in optimizer.param_groups] for optimizer in self._optimizers]
        self.step, self.elapsed_s = 0, 0.0

    @property
    def averaged(self) -> nn.Module:
        """Return the network with averaged weights, which is measured and exported."""
        return self._average.network

    def fit(
        self,
        folder: Path,
        *,
        progress: Progress,
        validate: Callable[[nn.Module], float],
        validate_every: int,
        checkpoint_every_s: float,
    ) -> None:
        """Train until the budget is spent, resuming from the checkpoint in ``folder`` if it exists.

        Args:
            folder: Folder of the checkpoint.
            progress: Observer of every step, called in the first process only.
            validate: Returns the PSNR of a network in dB; called in the first process only.
            validate_every: Steps between validations; initial weights and the last step are always validated. The best
                weights are kept in ``folder/best.pt``.
            checkpoint_every_s: Seconds of training between checkpoints; the last one is always written.

        Raises:
            ValueError: The checkpoint belongs to another run, or the loss is not finite.
            KeyboardInterrupt: The run was interrupted after writing its checkpoint.
        """
        self._resume(folder)
        saved_s = self.elapsed_s
        if self._started and self.step == 0 and self._processes.is_first:
            self._measure(folder, validate)
        with Interruption() as interruption:
            for result in self._steps(interruption):
                if not self._processes.is_first:
                    continue
                if result.step % validate_every == 0 or result.progress >= 1:
                    progress.on_validation(result.step, self._measure(folder, validate))
                progress.on_step(result)
                if result.elapsed_s - saved_s >= checkpoint_every_s:
                    self.checkpoint().save(folder)
                    saved_s = result.elapsed_s
            if self._processes.is_first:
                self.checkpoint().save(folder)
        if interruption.requested:
            raise KeyboardInterrupt

    def _measure(self, folder: Path, validate: Callable[[nn.Module], float]) -> float:
        """Measure the averaged network, and keep it if no earlier one was better."""
        psnr_db = validate(self.averaged)
        best = max((each.psnr_db for each in self.measurements), default=-math.inf)
        self.measurements.append(Measurement(self.step, self.elapsed_s, psnr_db))
        if psnr_db >= best:
            self.checkpoint().weights_alone().save(folder, BEST)
        return psnr_db

    def checkpoint(self) -> Checkpoint:
        """Return the current state of the run."""
        return Checkpoint(
            recipe=self._recipe,
            step=self.step,
            elapsed_s=self.elapsed_s,
            images=self._images,
            network=self._network.state_dict(),
            average=self.averaged.state_dict(),
            optimizers=[optimizer.state_dict() for optimizer in self._optimizers],
            earlier=self._earlier,
            start=self._start,
            measurements=list(self.measurements),
        )

    def _resume(self, folder: Path) -> None:
        saved = Checkpoint.load(folder)
        if saved is None:
            return
        _require_same_run(saved, self.checkpoint())
        self._network.load_state_dict(saved.network)
        self.averaged.load_state_dict(saved.average)
        for optimizer, state in zip(self._optimizers, saved.optimizers, strict=True):
            optimizer.load_state_dict(state)
        self.step, self.elapsed_s = saved.step, saved.elapsed_s
        self._earlier, self._start, self.measurements = saved.earlier, saved.start, list(saved.measurements)

    def _steps(self, interruption: Interruption) -> Iterator[StepResult]:
        """Train step by step until the budget is spent; time between steps (validation, checkpoints) does not count.

        All processes stop together: when the first one's budget is spent, or when it is interrupted.
        """
        self._network.train()
        coming = batches(self._pairs, first_step=self.step, workers=self._workers)
        while (progress := self._processes.agree(math.inf if interruption.requested else self._progress())) < 1:
            start = self._clock()
            factor = self._learning_rate_factor(progress)
            self._set_learning_rate(factor)
            loss = self._one_step(next(coming))
            self.step += 1
            self.elapsed_s += self._clock() - start
            yield StepResult(
                self.step,
                self._progress(),
                self.elapsed_s,
                loss,
                self._recipe.learning_rate * factor,
            )

    def _progress(self) -> float:
        return self._recipe.progress(self.step, self.elapsed_s)

    def _learning_rate_factor(self, progress: float) -> float:
        """Compute the schedule: linear warm-up, then a cosine to ``final_learning_rate`` over the whole budget."""
        warmup = min(1.0, (self.step + 1) / max(1, self._recipe.warmup_steps))
        floor = self._recipe.final_learning_rate
        return warmup * (floor + (1 - floor) * (1 + math.cos(math.pi * min(1.0, progress))) / 2)

    def _set_learning_rate(self, factor: float) -> None:
        for optimizer, peaks in zip(self._optimizers, self._peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor

    def _one_step(self, pairs: TrainingPairs) -> float:
        device = self._processes.device
        noisy = pairs.noisy.to(device, memory_format=self._memory_format)
        clean = pairs.clean.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
            denoised = self._shared(noisy)
        loss = LOSSES[self._recipe.loss](denoised.float(), clean)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self._network.parameters(), self._recipe.gradient_norm)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self._average.update(self._network, step=self.step + 1)
        value = loss.item()
        if not math.isfinite(value):
            raise ValueError(f"the loss is {value} at step {self.step + 1}; try a lower learning rate")
        return value


def _require_same_run(saved: Checkpoint, current: Checkpoint) -> None:
    """Refuse to resume with another recipe or other images; only the budget may change."""
    budget = {"steps", "minutes"}
    current_recipe = current.recipe.model_dump(exclude=budget)
    for name, was in saved.recipe.model_dump(exclude=budget).items():
        now = current_recipe[name]
        if was != now:
            raise ValueError(
                f"the run in this folder was started with {name} = {was!r}, not {now!r}; "
                "use its recipe or another output folder"
            )
    if saved.images != current.images:
        raise ValueError(
            "the run in this folder was started with other images; use the same images or another output folder"
        )


def initialize(network: Network, start: Start | None, recipe: Recipe) -> None:
    """Give a recipe's network its initial weights; without any, it keeps its own.

    Raises:
        ValueError: The weights do not fit the network, or are missing although the recipe has a ``start_share``.
    """
    if start is None:
        if recipe.start_share:
            raise ValueError("`start_share` needs initial weights: pass --start-from")
        return
    weights, own = _widened(start.for_channels(recipe.channels), network), network.state_dict()
    different = [
        name
        for name in sorted(own.keys() | weights.keys())
        if name not in own or name not in weights or own[name].shape != weights[name].shape
    ]
    if different:
        raise ValueError(
            f"the initial weights do not fit the recipe's architecture: {len(different)} of its parts are missing, "
            f"unknown or of another size, such as {different[0]}; start from a network with the same layers"
        )
    network.load_state_dict(weights)


def _widened(weights: dict[str, torch.Tensor], network: Network) -> dict[str, torch.Tensor]:
    """Widen the weights of a network that has the same layers as ``network``, but fewer features."""
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    if weights.keys() != shapes.keys() or all(weights[name].shape == shape for name, shape in shapes.items()):
        return weights
    transposed = {f"{name}.weight" for name, part in network.named_modules() if isinstance(part, nn.ConvTranspose2d)}
    return widen(weights, shapes, transposed=transposed, seed=0)


def _optimizers(network: Network, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Make the optimizers: Muon for kernels between feature layers, AdamW for head, tail, gains and constants."""
    kernels: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        inner = parameter.ndim >= 2 and not name.startswith(("head.", "tail."))
        (kernels if inner and recipe.optimizer == "muon" else others).append(parameter)
    rate = recipe.adamw_learning_rate if kernels else recipe.learning_rate
    adamw = torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.99), weight_decay=recipe.weight_decay)
    if not kernels:
        return [adamw]
    return [Muon(kernels, learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay), adamw]
