"""The file that an export writes."""

from pathlib import Path

import pytest

from biasfree.choice import CHOICES
from biasfree.classical import METHODS
from tests.unit.training.fit.runs import TINY, fit, write_photographs
from training.export import export as module
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


def test_a_name_that_no_model_has_is_refused(tmp_path: Path) -> None:
    """The service looks for ``*.onnx``."""
    with pytest.raises(ValueError, match=r"must end in \.onnx, .* not model\.txt"):
        prepare(tmp_path / "model.txt")


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


@pytest.mark.parametrize(
    ("sets", "pairs", "words"),
    [
        (["nowhere"], [], "there is no folder .*nowhere"),
        ([], ["nowhere"], "there is no folder .*noisy"),
        ([], ["unequal"], r"same size, but 0\.png"),
    ],
)
def test_an_export_tests_its_folders_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sets: list[str], pairs: list[str], words: str
) -> None:
    """Nothing is exported for images that cannot be measured on."""
    fit(TINY.with_budget(steps=1, minutes=None), tmp_path / "run")
    write_photographs(tmp_path / "unequal" / "noisy", 1)
    write_photographs(tmp_path / "unequal" / "clean", 1, side=30)
    monkeypatch.setattr(module, "to_onnx", lambda _: pytest.fail("it exports"))
    with pytest.raises(ValueError, match=words):
        export(
            tmp_path / "run",
            tmp_path / "model.onnx",
            Provenance("tiny", "1", "in words", "not stated"),
            evaluation_sets=[tmp_path / name for name in sets],
            pairs=[tmp_path / name for name in pairs],
        )


@pytest.mark.parametrize("name", [*CHOICES, *METHODS, "a/b", "", "..", "a b"])
def test_a_name_that_the_service_could_not_serve_is_refused(name: str) -> None:
    """It means something else already, or is not a part of an address."""
    with pytest.raises(ValueError, match=f"the name '{name}' "):
        Provenance(name, "1", "in words", "not stated")
