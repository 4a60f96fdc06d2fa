"""API keys: read once from a file, kept as SHA-256, compared in constant time."""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

#: Sixteen letters and digits drawn at random are 95 bits; ``openssl rand -hex 32`` gives 256.
LEAST_CHARACTERS = 16
#: RFC 6750: what may follow ``Bearer``. It has no colon, so that a name before one is never mistaken for a key.
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class KeysError(Exception):
    """The file of keys cannot be used; the message never has a key in it."""


class ApiKeys:
    """The keys that are accepted, each the property of somebody with a name.

    Args:
        names: Name of the holder by the SHA-256 of the key. Several keys may have one holder, so that a new one can be
            handed out before the old one is taken away; they share the holder's limits.
    """

    def __init__(self, names: Mapping[bytes, str]) -> None:
        self._names = dict(names)

    def __len__(self) -> int:
        return len(self._names)

    def holder(self, key: str) -> str | None:
        """The name of a key's holder, or None if it is not accepted. Takes as long whichever key it is, or none."""
        digest = _digest(key)
        found = None
        for known, name in self._names.items():
            if hmac.compare_digest(known, digest):
                found = name
        return found


def load_keys(path: Path) -> ApiKeys:
    """Read a file with a key a line, ``KEY`` or ``NAME:KEY``; empty lines and lines that begin with ``#`` are skipped.

    Raises:
        KeysError: The file cannot be read, holds no key, or one that is too short, malformed or there twice.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not text in UTF-8"
        raise KeysError(f"cannot read BIASFREE_API_KEYS_FILE={path}: {reason}") from exc
    names: dict[bytes, str] = {}
    for number, name, key in _lines(text):
        where = f"BIASFREE_API_KEYS_FILE={path}, line {number}"
        if not NAME.fullmatch(name):
            raise KeysError(
                f"{where}: expected a name of at most 64 letters, digits, '.', '_' and '-' before the colon"
            )
        if not TOKEN.fullmatch(key):
            raise KeysError(f"{where}: expected a key of letters, digits and -._~+/ (it may end in =), got others")
        if len(key) < LEAST_CHARACTERS:
            raise KeysError(f"{where}: expected a key of at least {LEAST_CHARACTERS} characters, got {len(key)}")
        if _digest(key) in names:
            raise KeysError(f"{where}: this key was there before")
        names[_digest(key)] = name
    if not names:
        raise KeysError(f"BIASFREE_API_KEYS_FILE={path} has no key in it, and so nobody could use the service")
    return ApiKeys(names)


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Number, name and key of every line that has one; a key without a name is called by its line."""
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip()
        if content and not content.startswith("#"):
            name, colon, key = content.rpartition(":")
            yield number, name.strip() if colon else f"line-{number}", key.strip()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8")).digest()
