"""The reports of a run."""

import io
import json
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from biasfree_client import Progress
from biasfree_client.cli.report import Bar, JsonLines, Outcome, described, no_images
from biasfree_client.cli.sources import Found, Passed, Selection

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


def test_the_summary_tells_what_was_made_again_and_what_was_left():
    """With the option that changes it."""
    again = replace(DONE, facts={"again": True})
    lines = shown(again, DONE, replace(SKIPPED, status="stale"), replace(SKIPPED, status="older"), terminal=False)
    assert (
        "2 denoised, 1 of them again (image newer than its result, which is kept), 1 left as they are (made with"
        in lines
    )
    assert "1 left as they are (files beside newer images, perhaps no results: use --overwrite" in lines


def test_without_a_terminal_there_is_no_bar():
    """A log gets failures and the summary, but no bar."""
    text = shown(SKIPPED, FAILED, terminal=False)
    assert text.splitlines() == ["c.png: 415 no", "image", "0 denoised, 1 skipped (result exists), 1 failed"]


def test_what_was_passed_over_is_summed_up():
    """Files that are no images by their suffixes, the most frequent first, and the rest by kind."""
    names = ["a.txt", "b.TXT", "c.aae", "README"]
    passed = [Passed(Path(name), "not an image") for name in names]
    passed += [Passed(Path("d"), "an earlier result"), Passed(Path("sub"), "a folder")]
    assert described(passed) == [
        "4 not images: .txt 2, .aae 1, no suffix 1", "1 earlier result", "1 subfolder not searched (use --recursive)"
    ]  # fmt: skip
    many = [Passed(Path(f"x.{number}"), "not an image") for number in range(9)]
    assert described(many) == ["9 not images: .0 1, .1 1, .2 1, .3 1, .4 1, others 4"]


def test_a_search_without_images_says_what_it_found():
    """Images in subfolders need an option; of an empty folder there is nothing to say."""
    selection = Selection(["photos", "more"])
    passed = [Passed(Path("a.txt"), "not an image"), Passed(Path("sub"), "a folder")]
    assert str(no_images(selection, Found(passed=passed))) == (
        "photos, more: no images found: 1 not an image: .txt 1, 1 subfolder not searched (use --recursive)"
    )
    assert str(no_images(selection, Found())) == "photos, more: no images found"


def test_quiet_prints_failures_only():
    """Neither a bar nor a summary nor estimates."""
    text = io.StringIO()
    with Bar(
        "denoised", console=Console(file=text, force_terminal=True, width=120, color_system=None), quiet=True
    ) as bar:
        for outcome in (DONE, SKIPPED, FAILED):
            bar.tell(outcome)
    assert "c.png: 415 no" in text.getvalue()
    assert "a[1].png" not in text.getvalue()
    assert "denoised" not in text.getvalue()


def test_names_of_another_encoding_are_printed(capsys):
    """Their bytes are escaped, for people and for programs."""
    name = Path(b"caf\xe9.png".decode(errors="surrogateescape"))
    with JsonLines() as report:
        report.tell(Outcome(name, name, "done"))
    assert "caf" in capsys.readouterr().out
    assert "caf" in shown(Outcome(name, name, "failed", "why"), terminal=False)


def test_the_progress_of_an_image_is_shown_on_a_terminal():
    """In a log it would be noise."""
    text = io.StringIO()
    with Bar("denoised", console=Console(file=text, force_terminal=True, width=200, color_system=None)) as bar:
        bar.expect(1)
        receiver = bar.on_progress()
        assert receiver is not None
        receiver(Progress("running", tiles_done=3, tiles_total=9))
    assert "tile 3 of 9" in text.getvalue()
    assert Bar("denoised", console=Console(file=text)).on_progress() is None
