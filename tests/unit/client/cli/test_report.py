"""The reports of a run."""

import io
import json
from pathlib import Path

from rich.console import Console

from biasfree_client.cli.report import Bar, JsonLines, Outcome

DONE = Outcome(Path("a[1].png"), Path("out/a[1].png"), "done", "estimated sigma 24.60", {"sigma": 24.6})
SKIPPED = Outcome(Path("b.png"), Path("out/b.png"), "skipped")
FAILED = Outcome(Path("c.png"), Path("out/c.png"), "failed", "415 no\nimage", {"error": "415 no\nimage"})


def shown(*outcomes, terminal: bool) -> str:
    """Return what a bar prints."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, color_system=None)
    with Bar("denoised", console=console) as bar:
        bar.expect(2)
        for outcome in outcomes:
            bar.tell(outcome)
    return text.getvalue()


def test_json_has_one_line_per_image(capsys):
    """A line break in an error does not break the line."""
    with JsonLines() as report:
        report.expect(2)
        for outcome in (DONE, SKIPPED, FAILED):
            report.tell(outcome)
    first, second, third = capsys.readouterr().out.splitlines()
    assert json.loads(first) == {"input": "a[1].png", "output": "out/a[1].png", "status": "done", "sigma": 24.6}
    assert json.loads(second)["status"] == "skipped"
    assert json.loads(third)["error"] == "415 no\nimage"


def test_a_terminal_shows_a_bar_with_rate_and_time_left():
    """Brackets in names are printed as they are."""
    text = shown(DONE, SKIPPED, FAILED, terminal=True)
    assert "2/2" in text
    assert "images/s" in text
    assert "left" in text
    assert "a[1].png: estimated sigma 24.60" in text
    assert text.rstrip().endswith("1 denoised, 1 skipped (result exists), 1 failed")


def test_without_a_terminal_there_is_no_bar():
    """A log gets failures and the summary, but no bar."""
    text = shown(SKIPPED, FAILED, terminal=False)
    assert text.splitlines() == ["c.png: 415 no", "image", "0 denoised, 1 skipped (result exists), 1 failed"]
