"""The card's facts about the training."""

from pathlib import Path
from typing import Any

import pytest

from biasfree.artifact import Artifact
from biasfree.card import Training
from tests.unit.training.fit.runs import ALONE, IMAGES, TINY, Record, fit, sampler
from training.data.photos import list_sha256, read_photos
from training.data.sources import IMAGE_SETS
from training.export.export import Provenance, _training, export
from training.fit.checkpoint import Checkpoint
from training.fit.recipe import Recipe
from training.fit.start import Start
from training.fit.trainer import Trainer

LISTED = {photo.file: photo.sha256_original for photo in read_photos()[:3]}
NOT_STATED = "not stated"
SHORT = TINY.with_budget(steps=1, minutes=None)


def facts(run: Path, data: str, licence: str = NOT_STATED) -> Training:
    """Return the training facts that an export of a run writes on the card, without the graph, which takes seconds."""
    checkpoint = Checkpoint.load(run)
    assert checkpoint is not None
    return _training(checkpoint, Provenance("tiny", "1", data, licence))


def test_an_exported_file_has_these_facts_on_its_card(tmp_path: Path) -> None:
    """Also in a folder that was not there. The other tests make them without a file."""
    dncnn = {"architecture": "dncnn", "arguments": {"channels": 1, "depth": 3, "width": 4}}  # exported in half the time
    fit(SHORT.model_copy(update=dncnn), tmp_path, images=LISTED)
    output = tmp_path / "new" / "model.onnx"
    export(tmp_path, output, Provenance("tiny", "1", "photos", NOT_STATED), evaluation_sets=[])
    assert Artifact.load(output).card.training.model_dump_json() == facts(tmp_path, "photos").model_dump_json()


def test_card_of_the_photographs_carries_the_hash_of_their_list(tmp_path: Path) -> None:
    """It also has their number, the page with their authors, and their terms."""
    fit(SHORT, tmp_path, images=LISTED)
    training = facts(tmp_path, "photos")
    assert training.data == f"photos: 494 images, docs/attribution.md, SHA-256 of the list {list_sha256()}"
    assert training.licence == f"photos: {IMAGE_SETS['photos'].licence}"


def test_run_on_other_images_cannot_name_the_list(tmp_path: Path) -> None:
    """The message names the first image that is not listed."""
    fit(SHORT, tmp_path, images=LISTED | IMAGES)
    with pytest.raises(ValueError, match=r"2 of the training images .*a\.png"):
        facts(tmp_path, "photos")


def test_words_go_onto_the_card_as_they_are(tmp_path: Path) -> None:
    """A comma does not turn words into image sets."""
    fit(SHORT, tmp_path)
    training = facts(tmp_path, "photos, and my own", "all mine")
    assert (training.data, training.licence) == ("photos, and my own", "all mine")


def test_license_in_words_takes_precedence_over_that_of_the_set(tmp_path: Path) -> None:
    """The owner of a run may know more."""
    fit(SHORT, tmp_path)
    assert facts(tmp_path, "bsds432", "asked and granted").licence == "asked and granted"


def test_card_never_hides_the_images_behind_the_first_weights(tmp_path: Path) -> None:
    """A run that started from another one's weights names both sets, or the card says that one is missing."""
    fit(SHORT, tmp_path / "first")
    start = Start.read(tmp_path / "first")
    trainer = Trainer(SHORT, sampler(SHORT), images=LISTED, processes=ALONE, start=start)
    second = tmp_path / "second"
    second.mkdir()
    trainer.fit(second, progress=Record(), validate=lambda _: 30.0, validate_every=8, checkpoint_every_s=0)
    alone, both = facts(second, "photos"), facts(second, "bsds432,photos")
    assert alone.data.startswith("the images of the stages before the last: not stated; photos: ")
    assert alone.licence.startswith("those before the last stage: not stated; photos: ")
    assert both.data.startswith("bsds432: 432 images, ")
    assert "non-commercial" in both.licence
    assert list_sha256() in both.data


@pytest.mark.parametrize("noise", [None, {"white": {"share": 0.3, "sigma_max": 30}}], ids=["plain", "noise table"])
def test_card_states_the_largest_white_noise_of_the_training(tmp_path: Path, noise: dict[str, Any] | None) -> None:
    """A noise table has its own limit, which takes precedence over the recipe's."""
    recipe = Recipe.model_validate(SHORT.model_dump() | {"sigma_max": 70, "noise": noise})
    fit(recipe, tmp_path)
    assert facts(tmp_path, "mine").sigma_range_255 == (0, 30 if noise else 70)
