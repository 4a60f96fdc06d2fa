"""The file that an export writes."""

from pathlib import Path

import pytest

from tests.unit.training.fit.runs import TINY, fit
from training.export.export import Provenance, export
from training.export.output import prepare


def test_the_folder_is_made(tmp_path: Path) -> None:
    """With all folders above it, and with nothing in it."""
    prepare(tmp_path / "new" / "folder" / "model.onnx")
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_a_folder_instead_of_a_file_is_refused(tmp_path: Path) -> None:
    """The error has a file's name."""
    with pytest.raises(ValueError, match=r"is a folder; name a file, such as .*model\.onnx"):
        prepare(tmp_path)


@pytest.mark.parametrize("place", ["file/model.onnx", "file/folder/model.onnx"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, place: str) -> None:
    """A file in place of the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"cannot write model\.onnx there"):
        prepare(tmp_path / place)


def test_an_export_tests_its_output_before_the_work(tmp_path: Path) -> None:
    """The place is wrong, and so are the images, which would be found out later."""
    fit(TINY.with_budget(steps=1, minutes=None), tmp_path / "run")
    (tmp_path / "file").touch()
    provenance = Provenance("tiny", "1", "in words", "not stated")
    with pytest.raises(OSError, match=r"cannot write model\.onnx there"):
        export(tmp_path / "run", tmp_path / "file" / "model.onnx", provenance, evaluation_sets=[tmp_path / "nowhere"])
