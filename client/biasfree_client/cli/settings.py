"""The settings that results were made with, remembered beside them."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from biasfree_client._save import is_stream

#: Hidden file in a folder of results: one JSON object per line, the last line of a name counts.
FILE = ".biasfree-settings.jsonl"


class Settings:
    """The settings of a run. A folder whose results were all made with the defaults needs no record.

    Args:
        settings: Those that differ from the defaults.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = dict(settings)
        self._folders: dict[Path, dict[str, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def fit(self, target: Path) -> bool:
        """Return whether an existing result was made with these settings."""
        with self._lock:
            return self._recorded(target.parent).get(target.name, {}) == self._settings

    def remember(self, target: Path) -> None:
        """Record that a result is being made with these settings; a pipe or device keeps no result.

        Raises:
            OSError: The record cannot be written.
        """
        if is_stream(target):
            return
        with self._lock:
            known = self._recorded(target.parent)
            if known.get(target.name, {}) == self._settings:
                return
            known[target.name] = self._settings
            line = json.dumps({"result": target.name, "settings": self._settings}) + "\n"
            # One write per line, so that two runs into the same folder do not mix theirs.
            _append(target.parent / FILE, line.encode())

    def _recorded(self, folder: Path) -> dict[str, dict[str, Any]]:
        if folder not in self._folders:
            self._folders[folder] = _read(folder / FILE)
        return self._folders[folder]


def _append(file: Path, line: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, line)
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, str(file)) from exc
    finally:
        os.close(descriptor)


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """Read a record; damaged lines and unreadable files say nothing."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            found[str(entry["result"])] = dict(entry["settings"])
        except (ValueError, KeyError, TypeError):
            continue
    return found
