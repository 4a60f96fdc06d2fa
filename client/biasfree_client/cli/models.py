"""The command ``biasfree models``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from biasfree_client import Denoiser, ModelCard, ModelSummary
from biasfree_client.cli.output import emit


def models(name: str | None, denoiser: Denoiser, *, as_json: bool) -> None:
    """List the models, or show one model's card."""
    if name is None:
        listed = denoiser.models()
        if as_json:
            emit("".join(json.dumps(asdict(each)) + "\n" for each in listed))
        else:
            Console().print(_list(listed), highlight=False)
        return
    card = denoiser.model(name)
    if as_json:
        emit(json.dumps({"sha256": card.sha256, "card": dict(card.card)}) + "\n")
    else:
        _show(name, card)


def _list(listed: Sequence[ModelSummary]) -> Table:
    table = Table("model", "version", "channels", "default for", "thousand MAC/pixel", "SHA-256", box=None)
    kinds = {1: "gray", 3: "color"}
    for each in listed:
        macs = "" if each.macs_per_pixel is None else f"{each.macs_per_pixel / 1000:.1f}"
        default = kinds.get(each.default_for_channels or 0, "")
        channels = "any" if each.channels is None else str(each.channels)
        table.add_row(each.name, each.version, channels, default, macs, (each.sha256 or "")[:12])
    return table


def _show(name: str, card: ModelCard) -> None:
    console = Console()
    facts = Table(show_header=False, box=None, pad_edge=False)
    facts.add_column()
    facts.add_column(overflow="fold")
    shown = (
        "version",
        "architecture",
        "channels",
        "parameters",
        "receptive_radius",
        "git_commit",
        "method",
        "reference",
        "noise_level",
    )
    for each in shown:
        if each in card.card:
            facts.add_row(each.replace("_", " "), str(card.card[each]))
    for each in ("data", "licence", "sigma_range_255"):
        if each in card.card.get("training", {}):
            facts.add_row(f"training {each.replace('_', ' ')}", str(card.card["training"][each]))
    if card.sha256:
        facts.add_row("SHA-256", card.sha256)
    console.print(f"[bold]{name}[/bold]")
    console.print(facts, highlight=False)
    for evaluation in card.card.get("evaluations", ()):
        console.print(_quality(evaluation), highlight=False)


def _quality(evaluation: Mapping[str, Any]) -> Table:
    table = Table(
        "sigma",
        "noisy dB",
        "denoised dB",
        "SSIM",
        title=f"{evaluation['images']}, {evaluation['count']} images",
        box=None,
    )
    for score in evaluation["scores"]:
        noisy = score.get("input_psnr_db")
        noisy_db = "" if noisy is None else f"{noisy:.2f}"
        table.add_row(f"{score['sigma_255']:g}", noisy_db, f"{score['psnr_db']:.2f}", f"{score['ssim']:.4f}")
    return table
