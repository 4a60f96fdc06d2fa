"""API keys, read once from a file, stored as SHA-256 and compared in constant time."""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

#: Sixteen random letters and digits have 95 bits; ``openssl rand -hex 32`` gives 256.
LEAST_CHARACTERS = 16
#: The token after ``Bearer`` (RFC 6750). It has no colon, so a name before a colon cannot be mistaken for a key.
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class KeysError(Exception):
    """The file of keys cannot be used. The message never contains a key."""


class ApiKeys:
    """The accepted keys, each of which has a named holder.

    Args:
        names: Name of the holder by the SHA-256 of the key. One holder may have several keys, so that a new key can be
            issued before the old one is revoked; they share the holder's limits.
    """

    def __init__(self, names: Mapping[bytes, str]) -> None:
        self._names = dict(names)

    def __len__(self) -> int:
        return len(self._names)

    def holder(self, key: str) -> str | None:
        """Return the name of a key's holder, or None if the key is not accepted, in time independent of the key."""
        digest = _digest(key)
        found = None
        for known, name in self._names.items():
            if hmac.compare_digest(known, digest):
                found = name
        return found


def load_keys(path: Path) -> ApiKeys:
    """Read a file with one key per line, ``KEY`` or ``NAME:KEY``; skip empty lines and lines that begin with ``#``.

    Raises:
        KeysError: The file cannot be read or has no key, or a key is too short, malformed or repeated.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not text in UTF-8; convert it"
        raise KeysError(f"cannot read BIASFREE_API_KEYS_FILE={path}: {reason}") from exc
    names: dict[bytes, str] = {}
    for number, name, key in _lines(text):
        where = f"BIASFREE_API_KEYS_FILE={path}, line {number}"
        if not NAME.fullmatch(name):
            raise KeysError(f"{where}: invalid name before the colon; use at most 64 letters, digits, '.', '_' and '-'")
        if not TOKEN.fullmatch(key):
            raise KeysError(f"{where}: invalid character in the key; use letters, digits and -._~+/ (it may end in =)")
        if len(key) < LEAST_CHARACTERS:
            raise KeysError(f"{where}: the key has {len(key)} characters; use at least {LEAST_CHARACTERS}")
        if _digest(key) in names:
            raise KeysError(f"{where}: this key appears twice; remove one of the lines")
        names[_digest(key)] = name
    if not names:
        raise KeysError(f"BIASFREE_API_KEYS_FILE={path} has no key, so nobody could use the service: add one")
    return ApiKeys(names)


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield number, name and key of every line with a key; a key without a name is named after its line."""
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip()
        if content and not content.startswith("#"):
            name, colon, key = content.rpartition(":")
            yield number, name.strip() if colon else f"line-{number}", key.strip()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8")).digest()
