"""The file of keys."""

import pytest

from service.access.keys import KeysError, load_keys

GOOD = "0123456789abcdef"


def written(path, text):
    """A file of keys."""
    (path / "keys").write_text(text)
    return path / "keys"


def test_keys_have_names_of_their_own_or_that_of_their_line(tmp_path):
    """Comments and empty lines are skipped; one holder may have two keys."""
    keys = load_keys(written(tmp_path, f"# people\n\nann:{GOOD}\nann: {GOOD}2 \n{GOOD}3=\n"))
    assert [keys.holder(GOOD + end) for end in ("", "2", "3=", "4")] == ["ann", "ann", "line-5", None]
    assert len(keys) == 3


def test_no_key_is_kept(tmp_path):
    """Only its hash is in memory."""
    keys = load_keys(written(tmp_path, f"ann:{GOOD}"))
    assert GOOD not in repr(vars(keys))


@pytest.mark.parametrize("almost", ["", GOOD[:-1], GOOD + "0", GOOD.upper(), "ann:" + GOOD, "\xe9" * 16])
def test_what_is_almost_a_key_is_none(tmp_path, almost):
    """Whole, and as it was written."""
    assert load_keys(written(tmp_path, f"ann:{GOOD}")).holder(almost) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no key"),
        ("# nothing\n", "has no key"),
        ("ann:secret7", "line 1: the key has 7 characters; use at least 16"),
        (f"{GOOD}\nbob:{GOOD}", "line 2: this key appears twice"),
        (f"a b:{GOOD}", "line 1: invalid name"),
        (f"ann:{GOOD} {GOOD}", "line 1: invalid character"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, text, words):
    """With its line, and without the key."""
    with pytest.raises(KeysError, match=words) as caught:
        load_keys(written(tmp_path, text))
    assert "secret7" not in str(caught.value)
    assert GOOD not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    """None there, or not text."""
    with pytest.raises(KeysError, match="No such file"):
        load_keys(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KeysError, match="not text"):
        load_keys(tmp_path / "binary")
