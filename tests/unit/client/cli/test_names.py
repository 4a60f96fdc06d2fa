"""Templates of names."""

import pytest

from biasfree_client.cli.failure import UsageError
from biasfree_client.cli.names import Name


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{stem}-clean{suffix}", "a.b-clean.png"),
        ("clean_{stem}{suffix}", "clean_a.b.png"),
        ("{stem}.tiff", "a.b.tiff"),
    ],
)
def test_a_name_has_the_stem_and_the_suffix(template, name, tmp_path):
    """A template may fix the suffix, and knows the names that it makes."""
    read = Name.read(template)
    assert read.of("a.b", ".png", tmp_path) == name
    assert read.stem_of(name) == "a.b"
    assert read.stem_of("other.txt") is None


@pytest.mark.parametrize("template", ["{stem}-clean{suffix}", "{stem}-clean.png"])
def test_an_older_result_is_known_by_its_mark(template):
    """It has a number, and is no image to denoise; a tilde elsewhere belongs to the stem."""
    assert Name.read(template).stem_of("a-clean~12.png") == "a"
    assert Name.read(template).stem_of("a~1-clean.png") == "a~1"
    assert Name.read(template).stem_of("a~1.png") is None


@pytest.mark.parametrize(
    "template",
    ["clean", "{stem}", "{stem}{stem}.png", "{name}.png", "{stem!r}.png", "{stem}.xyz", "o/{stem}.png", "{"],
)
def test_other_templates_are_wrong_usage(template):
    """The error shows the template."""
    with pytest.raises(UsageError, match="--name"):
        Name.read(template)


@pytest.mark.parametrize("letter", ["a", "ä", "画", "\udcff"])
def test_a_name_that_would_be_too_long_is_shortened(tmp_path, letter):
    """Different images keep different names, each with its mark and suffix."""
    name = Name("{stem}-denoised{suffix}")
    length = 251 // len(letter.encode(errors="surrogateescape"))
    first, second = (name.of(letter * (length - 1) + last, ".png", tmp_path) for last in "xy")
    assert first != second
    for each in (first, second):
        assert each.endswith("-denoised.png")
        (tmp_path / each).touch()
        assert name.stem_of(each)
