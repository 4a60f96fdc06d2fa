"""The names of results: a template with the stem and the suffix of the image."""

import hashlib
import os
import re
import string
from dataclasses import dataclass
from pathlib import Path

from biasfree_client._formats import WRITTEN_BY_SUFFIX
from biasfree_client.cli.failure import UsageError

#: Bytes of the longest file name, where the file system does not say.
DEFAULT_LIMIT = 255
#: The name of a result in a folder of results.
SAME = "{stem}{suffix}"
#: The number in the name of an older result of the same image.
_OLDER = re.compile(r"~\d+(?=\.[^.]+\Z)")


@dataclass(frozen=True)
class Name:
    """A template of names.

    Args:
        template: Text with ``{stem}`` once and ``{suffix}`` at most once, such as ``{stem}-clean{suffix}``.
    """

    template: str

    @classmethod
    def read(cls, text: str) -> "Name":
        """Check a template as typed.

        Raises:
            UsageError: It is not a template of file names, or ends in an unknown suffix.
        """
        try:
            parts = [part for _, *part in string.Formatter().parse(text) if part[0] is not None]
        except ValueError as exc:
            raise UsageError(f"--name {text}: {exc}; use a name such as '{{stem}}-clean{{suffix}}'") from exc
        fields = [field for field, _, _ in parts]
        plain = all(not spec and not conversion for _, spec, conversion in parts)
        if not plain or fields.count("stem") != 1 or fields.count("suffix") > 1 or set(fields) - {"stem", "suffix"}:
            raise UsageError(f"--name {text}: use {{stem}} once and {{suffix}} at most once, and no other braces")
        if "/" in text or "\\" in text:
            raise UsageError(f"--name {text}: a name has no folders; name the folder with --output")
        name = cls(text)
        if "suffix" not in fields and name.suffix is None:
            raise UsageError(f"--name {text}: end it in {{suffix}}, or in one of {', '.join(WRITTEN_BY_SUFFIX)}")
        return name

    @property
    def suffix(self) -> str | None:
        """Return the suffix that the template itself gives to every result; None if it takes the image's."""
        suffix = Path(self.template).suffix.lower()
        return suffix if "{suffix}" not in self.template and suffix in WRITTEN_BY_SUFFIX else None

    def of(self, stem: str, suffix: str, folder: Path) -> str:
        """Return the name of a result; a stem that makes it longer than the file system allows is shortened.

        Shortened names end in a digest of the whole stem, so that they stay different, and are the same in each run.
        """
        name = self.template.format(stem=stem, suffix=suffix)
        excess = len(os.fsencode(name)) - _limit(folder)
        if excess <= 0:
            return name
        digest = "~" + hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
        kept = os.fsencode(stem)[: -(excess + len(digest))].decode(errors="ignore")
        return self.template.format(stem=kept + digest, suffix=suffix)

    def stem_of(self, name: str) -> str | None:
        """Return the stem of the image that a result of this name, maybe an older one, comes from; None for others."""
        if self.template == SAME:
            return None
        pattern = re.escape(self.template).replace(r"\{stem\}", "(?P<stem>.+)").replace(r"\{suffix\}", r"\.[^.]+")
        found = re.fullmatch(pattern, name) or re.fullmatch(pattern, _OLDER.sub("", name))
        return None if found is None else found["stem"]


def _limit(folder: Path) -> int:
    """Return the most bytes of a name in a folder, or in the nearest one above that exists."""
    try:
        place = next(each for each in (folder, *folder.parents) if each.exists())
        return os.pathconf(place, "PC_NAME_MAX")
    except (AttributeError, OSError, StopIteration, ValueError):
        return DEFAULT_LIMIT
