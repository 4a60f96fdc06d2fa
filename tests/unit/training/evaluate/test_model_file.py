"""Models by name and by path."""

from pathlib import Path

import pytest

import biasfree
from biasfree.artifact import SHIPPED
from biasfree.classical import METHODS
from training.evaluate.model_file import model_file


@pytest.mark.parametrize("name", biasfree.models())
def test_a_shipped_model_is_found_by_its_name(name: str) -> None:
    """From any folder."""
    assert model_file(name) == SHIPPED / f"{name}.onnx"


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    """The file is read later."""
    (tmp_path / "mine.onnx").touch()
    assert model_file(tmp_path / "mine.onnx") == tmp_path / "mine.onnx"
    assert model_file(str(tmp_path / "mine.onnx")) == tmp_path / "mine.onnx"


@pytest.mark.parametrize(
    ("typo", "meant"), [("grey", "gray"), ("color-besst", "color-best"), ("wavelet-bays", "wavelet-bayes")]
)
def test_a_typo_is_answered_with_what_was_meant(typo: str, meant: str) -> None:
    """Classical denoisers are suggested where they are accepted."""
    with pytest.raises(ValueError, match=f"there is no model and no file '{typo}'; did you mean '{meant}'"):
        model_file(typo, also=METHODS)
