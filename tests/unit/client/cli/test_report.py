"""What a run says."""

import io
import json
from pathlib import Path

from rich.console import Console

from biasfree_client.cli.report import Bar, JsonLines, Outcome

DONE = Outcome(Path("a[1].png"), Path("out/a[1].png"), "done", "estimated sigma 24.60", {"sigma": 24.6})
SKIPPED = Outcome(Path("b.png"), Path("out/b.png"), "skipped")
FAILED = Outcome(Path("c.png"), Path("out/c.png"), "failed", "415 no\nimage", {"error": "415 no\nimage"})


def shown(*outcomes, terminal: bool) -> str:
    """What a bar prints."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, color_system=None)
    with Bar("denoised", console=console) as bar:
        bar.expect(2)
        for outcome in outcomes:
            bar.tell(outcome)
    return text.getvalue()


def test_json_is_a_line_for_each(capsys):
    """A line break in an error is none in the output."""
    with JsonLines() as report:
        report.expect(2)
        for outcome in (DONE, SKIPPED, FAILED):
            report.tell(outcome)
    first, second, third = capsys.readouterr().out.splitlines()
    assert json.loads(first) == {"input": "a[1].png", "output": "out/a[1].png", "status": "done", "sigma": 24.6}
    assert json.loads(second)["status"] == "skipped"
    assert json.loads(third)["error"] == "415 no\nimage"


def test_a_terminal_shows_a_bar_with_rate_and_time_left():
    """Names with brackets as they are."""
    text = shown(DONE, SKIPPED, FAILED, terminal=True)
    assert "2/2" in text
    assert "images/s" in text
    assert "left" in text
    assert "a[1].png: estimated sigma 24.60" in text
    assert text.rstrip().endswith("1 denoised, 1 skipped, there already, 1 failed")


def test_elsewhere_there_are_only_lines():
    """For a log."""
    text = shown(SKIPPED, FAILED, terminal=False)
    assert text.splitlines() == ["c.png: 415 no", "image", "0 denoised, 1 skipped, there already, 1 failed"]
