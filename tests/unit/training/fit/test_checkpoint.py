"""Checkpoints."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.training.fit.runs import IMAGES, TINY, assert_same, fit
from training.fit.checkpoint import BEST, FILE, Checkpoint, Measurement

SHORT = TINY.with_budget(steps=2, minutes=None)


def test_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Recipe, place in the run, images and weights are the same."""
    written = fit(SHORT, tmp_path)[0].checkpoint()
    read = Checkpoint.load(tmp_path)
    assert read is not None
    assert (read.recipe, read.step, read.elapsed_s, read.images) == (SHORT, 2, written.elapsed_s, IMAGES)
    assert_same(read.network, written.network)
    assert_same(dict(read.averaged_network().state_dict()), written.average)


def test_failure_while_writing_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk costs the newest steps, not the run."""
    trainer, _ = fit(SHORT, tmp_path)

    def fail(state: Any, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        trainer.checkpoint().save(tmp_path)
    read = Checkpoint.load(tmp_path)
    assert read is not None
    assert read.step == 2


class Payload:
    """An object that writes a file when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.target, "owned")


@pytest.mark.parametrize("write", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, 2))])
def test_foreign_pickle_is_refused_and_not_run(tmp_path: Path, write: Any) -> None:
    """A checkpoint is data, not code."""
    write({"recipe": Payload(tmp_path / "owned.txt")}, tmp_path / FILE)
    with pytest.raises(ValueError, match="not the checkpoint of a training run"):
        Checkpoint.load(tmp_path)
    assert not (tmp_path / "owned.txt").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    """The message is the same as for a foreign file."""
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ValueError, match="not the checkpoint of a training run"):
        Checkpoint.load(tmp_path)


def test_other_dictionary_is_refused(tmp_path: Path) -> None:
    """The weights of another program are not a run."""
    torch.save({"model": torch.ones(1)}, tmp_path / FILE)
    with pytest.raises(ValueError, match="not the checkpoint of a training run"):
        Checkpoint.load(tmp_path)


def test_folder_without_a_checkpoint_is_a_new_run(tmp_path: Path) -> None:
    """There is nothing to load."""
    assert Checkpoint.load(tmp_path) is None


def test_the_best_weights_are_kept_small(tmp_path: Path) -> None:
    """In half precision, without what a resumed run needs, and ready to start another run or to be exported."""
    trainer, _ = fit(TINY, tmp_path)
    best = Checkpoint.load(tmp_path / BEST)
    assert best is not None
    assert (best.recipe, best.step, best.optimizers) == (TINY, 20, [])
    for name, value in trainer.averaged.state_dict().items():
        torch.testing.assert_close(best.weights[name], value, rtol=1e-3, atol=1e-4)
    assert (tmp_path / BEST).stat().st_size < (tmp_path / FILE).stat().st_size / 2


def test_measurements_survive(tmp_path: Path) -> None:
    """A resumed run continues their list."""
    fit(TINY.with_budget(steps=10, minutes=None), tmp_path)
    fit(TINY, tmp_path)
    read = Checkpoint.load(tmp_path)
    assert read is not None
    assert [each.step for each in read.measurements] == [8, 10, 16, 20]
    assert all(isinstance(each, Measurement) and each.psnr_db == 30 for each in read.measurements)
