import subprocess
from pathlib import Path

import pytest

from bench.machine import machine


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with pages of results and a file of code, all committed."""
    monkeypatch.chdir(tmp_path)
    for folder in ("bench/results", "bench/failures/results", "service"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.md").write_text("before")
    _git("init", "--quiet")
    _git("add", ".")
    _git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "a")
    return tmp_path


def test_the_commit_is_named(checkout: Path) -> None:
    """As git abbreviates it."""
    assert machine()["commit"] == _git("rev-parse", "--short", "HEAD").strip()


@pytest.mark.parametrize("page", ["bench/results/a.md", "bench/failures/results/a.md"])
def test_results_that_were_just_rewritten_do_not_make_it_dirty(checkout: Path, page: str) -> None:
    """Otherwise only the first page of `make bench` would name a clean commit."""
    (checkout / page).write_text("after")
    assert not machine()["commit"].endswith("-dirty")


def test_code_that_differs_from_the_commit_makes_it_dirty(checkout: Path) -> None:
    """Nobody else has what was measured then."""
    (checkout / "service/a.md").write_text("after")
    assert machine()["commit"].endswith("-dirty")


def test_without_a_repository_the_commit_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package has none."""
    monkeypatch.chdir(tmp_path)
    assert machine()["commit"] == "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout
