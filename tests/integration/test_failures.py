"""The trials of ``bench/failures``, smaller."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.failures import faults, kill, restarts, schemathesis, sealed, sigterm
from tests.integration.stand_ins import write_stand_ins


@pytest.fixture
def instant(stand_ins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processes of a trial start with stand-ins for all networks."""
    monkeypatch.setenv("BIASFREE_MODELS_DIR", str(stand_ins))


@pytest.fixture
def busy(gray_alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let them start with ``gray`` alone, for their gray images: what is under way takes its time.

    Without analyses, whose process each start would load torch for.
    """
    monkeypatch.setenv("BIASFREE_MODELS_DIR", str(gray_alone))
    monkeypatch.setenv("BIASFREE_ANALYSIS_ENABLED", "false")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same in a folder that is still there when another ``/tmp`` hides this one."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        monkeypatch.setenv("BIASFREE_MODELS_DIR", str(write_stand_ins(Path(folder), but={"gray"})))
        yield


needs_nginx = pytest.mark.skipif(
    shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin") is None, reason="there is no nginx here"
)


@pytest.mark.usefixtures("busy")
def test_what_is_under_way_is_answered_after_sigterm() -> None:
    """Every request."""
    under_way, _ = sigterm.rows(requests=20)
    assert under_way.ours == under_way.wanted == "20"


@needs_nginx
@pytest.mark.usefixtures("busy")
def test_restarts_behind_nginx_are_seen_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each replica once, while it has a client."""
    monkeypatch.setattr(restarts, "CLIENTS", 2)
    failed, _ = restarts.rows(restarts=2)
    assert failed.ours.startswith("0 of ")
    assert int(failed.ours.removeprefix("0 of ")) > 0


@needs_nginx
@pytest.mark.usefixtures("busy")
def test_a_killed_replica_fails_what_it_was_at_and_the_sdk_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four clients no more than four requests."""
    monkeypatch.setattr(kill, "CALLS", 7)
    monkeypatch.setattr(kill, "PAUSE_S", 0.5)  # the kill comes after half of it, when these calls are far from done
    once, again = kill.rows()
    failed, sent = once.ours.split(" of ")
    assert int(failed) <= kill.CLIENTS < int(sent.split()[0])
    assert again.ours == f"0 of {kill.CLIENTS * kill.CALLS}"


@pytest.mark.usefixtures("instant")
def test_cases_made_of_the_document_break_nothing() -> None:
    """Thirty here, five thousand in the trial."""
    *_, failed, ready = schemathesis.rows(cases=30, analysis=False)
    assert (failed.ours, ready.ours) == ("0", "200")


@pytest.mark.usefixtures("instant")
def test_a_changed_weight_is_found_by_the_self_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wrong image goes out, and the process lives."""
    monkeypatch.setitem(faults.SETTINGS, "BIASFREE_SELF_CHECK_INTERVAL_S", "0.5")
    noticed, others = faults.changed_weight()
    assert noticed.ours.startswith("200, 503 (drift)")
    assert others.ours == others.wanted


@pytest.mark.skipif(not sealed.possible(), reason="mounting is not allowed here, or this is under /tmp")
@pytest.mark.parametrize("script", [sealed.FULL, sealed.READ_ONLY], ids=["full", "read-only"])
@pytest.mark.usefixtures("elsewhere")
def test_only_an_analysis_needs_a_disk(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails by itself; images are denoised, large forms among them: a parser would write what exceeds a megabyte."""
    monkeypatch.setattr(faults, "LARGE_SIDE", 1030)
    for each in faults.temporary_folder("here", script):
        assert each.ours == each.wanted
