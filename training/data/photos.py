"""The list of photographs that the default models learn from, with the address and license of each.

The list, ``photos.tsv``, stays as it was compiled. Its SHA-256 goes into the card of a model that learned from it.
"""

import csv
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from urllib.parse import quote

#: Name of the image set, and of its folder.
PHOTOS = "photos"
LIST = Path(str(files("training") / "data" / "photos.tsv"))

#: ``/OWNER/NAME/raw/REF/PATH`` redirects to the file, even if the repository keeps it in Git LFS.
GITHUB = "https://github.com"


@dataclass(frozen=True)
class Photo:
    """One row of the list; the field names are its columns.

    Attributes:
        file: Name of the scaled-down photograph.
        source: ``github:OWNER/NAME``, ``github:OWNER/NAME@COMMIT`` or ``debian:PACKAGE (...)``.
        original_path: Path of the original in its repository or package.
        author: The author's name in the source; empty if it names none.
        licence: The license in the source's spelling.
        tier: A or B, the compilers' grade of the evidence; B is mostly one license file for a whole source.
        licence_evidence: File of the source that states the license.
        source_url: Page of the photograph; empty if the source gives none.
        sha256_original: SHA-256 of the original file.
        original_size: ``WIDTHxHEIGHT`` of the original as stored, before EXIF orientation.
        downscale: Original size over scaled-down size.
        size: ``WIDTHxHEIGHT`` of the scaled-down photograph, after EXIF orientation.
    """

    file: str
    source: str
    original_path: str
    author: str
    licence: str
    tier: str
    licence_evidence: str
    source_url: str
    sha256_original: str
    original_size: str
    downscale: str
    size: str

    @property
    def pixel_size(self) -> tuple[int, int]:
        """Return width and height of the scaled-down photograph."""
        width, height = self.size.split("x")
        return int(width), int(height)

    @property
    def collection(self) -> str:
        """Return the source without kind and remarks: ``OWNER/NAME``, ``OWNER/NAME@COMMIT`` or ``PACKAGE``."""
        return self.source.partition(":")[2].partition(" ")[0]

    @property
    def url(self) -> str | None:
        """Return the address of the original, or ``None`` for a file of a Debian package."""
        return self._github("raw")

    @property
    def link(self) -> str | None:
        """Return the page of the original in its repository, or ``None`` for a file of a Debian package."""
        return self._github("blob")

    @property
    def place(self) -> PurePosixPath:
        """Return the path of the original below the folder of downloads."""
        return PurePosixPath(PHOTOS, self.source.partition(":")[0], self.collection, self.original_path)

    def _github(self, view: str) -> str | None:
        if not self.source.startswith("github:"):
            return None
        repository, _, commit = self.collection.partition("@")
        return f"{GITHUB}/{repository}/{view}/{commit or 'HEAD'}/{quote(self.original_path)}"


def read_photos() -> list[Photo]:
    """Read the list and keep its order."""
    with LIST.open(encoding="utf-8", newline="") as file:
        return [Photo(**row) for row in csv.DictReader(file, delimiter="\t")]


def list_sha256() -> str:
    """Return the SHA-256 of the list."""
    return hashlib.sha256(LIST.read_bytes()).hexdigest()
