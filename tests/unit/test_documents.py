"""The documents say what the code does, can be read in an editor, and lead somewhere.

``python -m tests.unit.test_documents`` writes the table of settings anew.
"""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.main import get_command

from biasfree.artifact import SHIPPED, Artifact
from biasfree.card import Card
from biasfree.classical import METHODS
from service.analysis.document import AnalysisDocument
from service.analysis.options import AnalysisOptions
from service.denoising.options import DenoiseOptions
from service.http.problems import INTERNAL, KINDS, ROUTER
from service.routes import analyze, denoise, health, metrics, models
from service.settings import CLIENT_VARIABLES, Settings
from training.cli import app as training_app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
API = (DOCS / "api.md").read_text()
ANALYSIS = (DOCS / "analysis.md").read_text()
QUALITY = (DOCS / "quality.md").read_text()
SETTINGS = DOCS / "settings.md"

#: Written by commands, which decide their layout.
GENERATED = {DOCS / name for name in ("api-reference.md", "attribution.md", "quality.md")}
#: Records of what was true on their date.
RECORDS = {ROOT / "CHANGELOG.md", DOCS / "adr" / "0002-reproduction-uses-the-analysis.md"}
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
WRITTEN = [page for page in PAGES if page not in GENERATED]
#: Columns of a line of prose, and lines of the README.
COLUMNS, README_LINES = 120, 150

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
each_current_page = pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in RECORDS], ids=lambda page: str(page.relative_to(ROOT))
)
each_written_page = pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))


def settings_table() -> str:
    """Return the table of settings as Markdown."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `BIASFREE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def cards() -> dict[str, Card]:
    """Return the cards of the shipped models by name."""
    return {path.stem: Artifact.load(path).card for path in sorted(SHIPPED.glob("*.onnx"))}


def table(text: str, start: str) -> dict[str, dict[str, str]]:
    """Return a Markdown table as name -> column -> cell, without the marks of bold and code.

    Args:
        text: A document.
        start: How the table's first line begins.
    """
    lines = (start + text.partition(start)[2].partition("\n\n")[0]).splitlines()
    rows = [[cell.strip(" `*") for cell in line.strip().strip("|").split("|")] for line in lines]
    return {name: dict(zip(rows[0][1:], row, strict=True)) for name, *row in rows[2:]}


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Give the lines of a page that are not code, with their numbers."""
    fenced = False
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures that are not addresses."""
    text = "\n".join(re.sub(r"`[^`]*`", "", line) for _, line in prose(page))
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = [line.lstrip("#") for _, line in prose(page) if re.match(r"#+ ", line)]
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_the_settings_page_has_every_setting_with_its_default():
    """The table is the settings class; ``python -m tests.unit.test_documents`` writes it."""
    assert settings_table() in SETTINGS.read_text()


def test_the_readme_has_the_quality_and_the_work_of_every_shipped_model():
    """Every number in its table of models is on the model's card."""
    rows = table(README, "| model | use it for |")
    measured = cards()
    assert rows.keys() == measured.keys()
    for name, card in measured.items():
        scores = {f"sigma {score.sigma_255:g}": f"{score.psnr_db:.2f}" for score in card.evaluations[0].scores}
        expected = scores | {"multiply-adds per pixel": f"{card.macs_per_pixel:,.0f}"}
        assert {key: value for key, value in rows[name].items() if key != "use it for"}.items() <= expected.items()


def test_the_networks_are_above_the_classical_denoisers_where_the_documents_say_so():
    """At every level, in gray from sigma 5 up; gray-dncnn and the networks for any noise are not compared there."""
    gray, color = _quality_tables()
    for rows, name in ((gray, "gray"), (gray, "gray-best"), (color, "color-best"), (color, "color")):
        for level in [level for level in rows[name] if rows is color or float(level) >= 5]:
            assert float(rows[name][level]) > max(float(rows[method][level]) for method in METHODS), (name, level)


def test_the_quality_page_is_of_the_shipped_files():
    """It repeats what their cards say, to the last digit that it shows."""
    tables = _quality_tables()
    for name, card in cards().items():
        row = tables[0 if card.channels == 1 else 1][name]
        for score in card.evaluations[0].scores:
            assert abs(float(row[f"{score.sigma_255:g}"]) - score.psnr_db) < 0.01, (name, score.sigma_255)


def _quality_tables() -> list[dict[str, dict[str, str]]]:
    """Return the PSNR of gray and of color images."""
    return [table(part, "| PSNR, dB at sigma |") for part in re.split(r"^## Colou?r", QUALITY, flags=re.MULTILINE)]


@each_current_page
def test_every_make_target_in_a_document_exists(page):
    """Where it begins a line of code, or is code itself."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^ *|`)make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)) <= targets


@each_current_page
def test_every_command_of_training_in_a_document_exists(page):
    """With every option that stands beside it."""
    commands = get_command(training_app).commands
    for name, rest in re.findall(r"python -m training ([a-z-]+)([^`\n]*)", page.read_text()):
        options = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, name


@each_current_page
def test_every_module_that_a_document_runs_exists(page):
    """``python -m NAME``."""
    for name in re.findall(r"python -m ([a-z_.]+)", page.read_text()):
        assert find_spec(name) is not None, name


@each_current_page
def test_every_file_that_a_document_names_exists(page):
    """Paths in code that begin with a folder of the repository."""
    folders = "bench|biasfree|client|deploy|docs|examples|service|tests|training"
    for name in re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text()):
        assert (ROOT / name).exists(), name


@each_current_page
def test_every_variable_in_a_document_is_a_setting(page):
    """Or one that the client reads."""
    known = {f"BIASFREE_{name.upper()}" for name in Settings.model_fields} | CLIENT_VARIABLES
    assert set(re.findall(r"BIASFREE_[A-Z_]+[A-Z]", page.read_text())) <= known


def test_every_path_of_the_interface_is_in_the_interface_document():
    """No route is undocumented."""
    for router in (denoise.router, analyze.router, models.router, health.router, metrics.router):
        for route in router.routes:
            assert f"{route.path}`" in API, route.path


def test_every_parameter_is_in_the_interface_document():
    """Those of both routes that take images."""
    for name in (*DenoiseOptions.model_fields, *AnalysisOptions.model_fields):
        assert f"`{name}`" in API, name


def test_every_field_of_an_analysis_is_explained():
    """docs/analysis.md names each one."""
    for name in AnalysisDocument.model_fields:
        assert f"`{name}`" in ANALYSIS, name


def test_every_problem_is_in_the_interface_document():
    """docs/api.md names each type."""
    for kind in (*KINDS.values(), *ROUTER.values(), INTERNAL):
        assert f"`{kind.type.rpartition(':')[2]}`" in API, kind.type


def test_the_readme_is_short():
    """A reader sees on three screens what the project is, and where to go on."""
    assert len(README.splitlines()) <= README_LINES


@each_written_page
def test_lines_of_prose_fit_an_editor(page):
    """Tables, code, pictures and lines that are one link may be longer."""
    long = [
        number
        for number, line in prose(page)
        if len(line) > COLUMNS and not line.startswith(("|", "!")) and not re.fullmatch(r"[ *-]*\[.*\]\(.*\)\W*", line)
    ]
    assert long == []


@each_written_page
def test_every_column_of_a_table_has_a_heading(page):
    """A reader does not have to guess what a column holds."""
    lines = dict(prose(page))
    heads = [lines.get(number - 1, "") for number, line in lines.items() if re.fullmatch(r"\|([ :-]+\|)+", line)]
    assert [head for head in heads if not all(cell.strip() for cell in head.strip().strip("|").split("|"))] == []


@each_page
def test_every_link_leads_to_a_file_and_a_heading(page):
    """Relative links name a file that exists, and an anchor that one of its headings has."""
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_index():
    """Following links from docs/index.md, within docs."""
    found, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in found:
            found.add(page)
            targets = ((page.parent / link.partition("#")[0]).resolve() for link in links(page))
            waiting += [each for each in targets if each.suffix == ".md" and each.is_relative_to(DOCS)]
    assert sorted(set(DOCS.rglob("*.md")) - found) == []


def _write_settings() -> None:
    """Write the table of settings into its page."""
    text = SETTINGS.read_text()
    before, _, rest = text.partition("| variable |")
    after = rest.partition("\n\n")[2]
    SETTINGS.write_text(f"{before}{settings_table()}\n\n{after}".rstrip("\n") + "\n")


if __name__ == "__main__":
    _write_settings()
