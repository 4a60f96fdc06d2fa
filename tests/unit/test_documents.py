"""The documents say what the code does."""

import re
from itertools import groupby
from pathlib import Path

import pytest

from biasfree.artifact import SHIPPED, Artifact
from biasfree.classical import METHODS
from service.analysis.document import AnalysisDocument
from service.http.problems import INTERNAL, KINDS, ROUTER
from service.routes import analyze, denoise, health, metrics, models
from service.routes.analyze_schemas import AnalyzeQuery
from service.routes.denoise_schemas import DenoiseQuery
from service.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
ANALYSIS = (ROOT / "docs" / "analysis.md").read_text()


def settings_table() -> str:
    """The table of settings, as Markdown."""
    lines = ["| variable | default | |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `BIASFREE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def quality_table() -> str:
    """The measured quality on the cards of the shipped models, as Markdown: those of gray, then those of colour."""
    cards = sorted((Artifact.load(path).card for path in SHIPPED.glob("*.onnx")), key=lambda card: card.channels)
    sigmas = [f"{score.sigma_255:g}" for score in cards[0].evaluations[0].scores]
    lines = [f"| | {' | '.join(sigmas)} |", "|---" * (len(sigmas) + 1) + "|"]
    for channels, group in groupby(cards, key=lambda card: card.channels):
        for number, card in enumerate(sorted(group, key=lambda card: card.name)):
            scores = card.evaluations[0].scores
            if number == 0:
                noisy = (f"{score.input_psnr_db:.2f}" for score in scores)
                lines.append(f"| {'gray' if channels == 1 else 'colour'}, noisy | {' | '.join(noisy)} |")
            denoised = (f"**{score.psnr_db:.2f}**" for score in scores)
            lines.append(f"| `{card.name}` | {' | '.join(denoised)} |")
    return "\n".join(lines)


def test_the_readme_has_every_setting_with_its_default():
    """The table is the settings class."""
    assert settings_table() in README


def test_the_readme_has_the_quality_that_was_measured():
    """Every number is on a card."""
    assert quality_table() in README


def table(text: str, start: str) -> dict[str, dict[str, str]]:
    """Rows of the Markdown table that begins so: name -> column -> cell, without what makes them bold or code."""
    lines = (start + text.partition(start)[2].partition("\n\n")[0]).splitlines()
    cells = [[cell.strip(" `*") for cell in line.strip("|").split("|")] for line in lines]
    return {name: dict(zip(cells[0][1:], row, strict=True)) for name, *row in cells[2:]}


def test_the_readme_compares_with_what_was_measured_of_the_classical_denoisers():
    """Each row is one of docs/quality.md; the networks are above the others at every level.

    But for the paper's, whose training ended where the processor's time did, as docs/training.md says, and for the one
    that is not for white noise.
    """
    measured = table((ROOT / "docs" / "quality.md").read_text(), "| PSNR, dB at sigma |")
    rows = table(README, "| gray | 0 |")
    networks = {path.stem for path in SHIPPED.glob("gray*.onnx")}
    assert rows.keys() == {*networks, *METHODS}
    for name, row in rows.items():
        assert row.items() <= measured[name].items(), name
    for level in rows["gray"]:
        best_classical = max(float(rows[name][level]) for name in METHODS)
        assert all(float(rows[name][level]) > best_classical for name in networks - {"gray-dncnn", "gray-real"})


def test_the_quality_page_is_of_the_shipped_files():
    """What their cards say, to the last digit that is told."""
    gray, colour = (ROOT / "docs" / "quality.md").read_text().split("## Colour")
    for path in SHIPPED.glob("*.onnx"):
        card = Artifact.load(path).card
        row = table(gray if card.channels == 1 else colour, "| PSNR, dB at sigma |")[card.name]
        for score in card.evaluations[0].scores:
            assert abs(float(row[f"{score.sigma_255:g}"]) - score.psnr_db) < 0.01, (card.name, score.sigma_255)


def test_every_make_target_of_the_readme_exists():
    """And the ones CONTRIBUTING names."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(
        re.findall(r"^make ([a-z]+)|`make ([a-z]+)", README + (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    )
    assert {first or second for first, second in named} <= targets


def test_every_path_of_the_interface_is_in_the_readme():
    """Nothing is hidden."""
    for router in (denoise.router, analyze.router, models.router, health.router, metrics.router):
        for route in router.routes:
            assert route.path in README


def test_every_parameter_is_in_the_interface_document():
    """Of both routes for images."""
    for name in (*DenoiseQuery.model_fields, *AnalyzeQuery.model_fields):
        assert f"`{name}`" in API, name


def test_every_field_of_an_analysis_is_explained():
    """By its name."""
    for name in AnalysisDocument.model_fields:
        assert f"`{name}`" in ANALYSIS, name


def test_every_problem_is_in_the_interface_document():
    """By its type."""
    for kind in (*KINDS.values(), *ROUTER.values(), INTERNAL):
        assert f"`{kind.type.rpartition(':')[2]}`" in API, kind.type


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_every_link_to_a_file_leads_somewhere(document):
    """Relative to the document."""
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / document).parent / target).exists(), target
