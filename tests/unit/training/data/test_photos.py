"""The listed photographs, from a local server."""

import csv
import hashlib
import io
import re
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin
from typer.testing import CliRunner

from tests.unit.training.data.servers import Server
from tests.unit.training.fit.runs import photograph
from training.cli import app
from training.data import photos
from training.data.photos import Photo, read_photos
from training.data.scaled_photos import scale_down
from training.data.sources import IMAGE_SETS

COMMIT = "0123456789ab"


def original(seed: int, *, width: int = 48, height: int = 32, kind: str = "JPEG", **options: object) -> bytes:
    """Make an image file in memory."""
    buffer = io.BytesIO()
    Image.fromarray(photograph(height, width, seed=seed, channels=3)).save(buffer, kind, **options)
    return buffer.getvalue()


def row(name: str, content: bytes, *, source: str = "github:someone/pictures", **others: str) -> Photo:
    """Make a row of the list for an original."""
    facts = {field.name: "" for field in fields(Photo)} | {
        "file": f"{name}.jpg",
        "source": source,
        "original_path": f"wall papers/{name}.jpg",
        "licence": "CC0",
        "sha256_original": hashlib.sha256(content).hexdigest(),
        "size": "24x16",
    }
    return Photo(**facts | others)


@dataclass
class Listed:
    """A replacement for the shipped list, and a folder to download into."""

    file: Path
    output: Path

    def write(self, *rows: Photo) -> None:
        """Write the list."""
        with self.file.open("w", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Photo)], delimiter="\t")
            writer.writeheader()
            writer.writerows(vars(photo) for photo in rows)

    def get(self) -> tuple[int, str]:
        """Run the command and return its exit status and output."""
        result = CliRunner().invoke(app, ["get-data", "photos", "--output", str(self.output)])
        return result.exit_code, result.output

    @property
    def scaled(self) -> list[str]:
        """Return the names of the set's files."""
        return sorted(path.name for path in (self.output / "photos").iterdir())


@pytest.fixture
def listed(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Listed:
    """Replace the host of the repositories by the local server."""
    monkeypatch.setattr(photos, "GITHUB", server.url)
    monkeypatch.setattr(photos, "LIST", tmp_path / "photos.tsv")
    return Listed(tmp_path / "photos.tsv", tmp_path / "data")


def test_originals_are_fetched_from_their_repositories_and_scaled_down(server: Server, listed: Listed) -> None:
    """They come from the source's commit or else the newest one, and get the size in the list."""
    first, second = original(1), original(2)
    server.offer("someone/pictures/raw/HEAD/wall papers/a.jpg", first)
    server.offer(f"someone/pictures/raw/{COMMIT}/wall papers/b.jpg", second)
    listed.write(row("a", first), row("b", second, source=f"github:someone/pictures@{COMMIT}", size="30x20"))
    status, shown = listed.get()
    assert status == 0, shown
    assert listed.scaled == ["a.jpg", "b.jpg"]
    assert Image.open(listed.output / "photos" / "a.jpg").size == (24, 16)
    assert Image.open(listed.output / "photos" / "b.jpg").size == (30, 20)


def test_missing_original_is_reported_and_the_rest_still_comes(server: Server, listed: Listed) -> None:
    """The count at the end is an error, and the photograph's page is named."""
    gone, changed, there = original(1), original(2), original(3)
    server.offer("someone/pictures/raw/HEAD/wall papers/changed.jpg", original(4))
    server.offer("someone/pictures/raw/HEAD/wall papers/there.jpg", there)
    page = "http://pages/gone"
    listed.write(row("gone", gone, source_url=page), row("changed", changed), row("there", there))
    status, shown = listed.get()
    assert status == 2
    assert listed.scaled == ["there.jpg"]
    assert re.search(rf"gone\.jpg is missing .*404.*{page}", shown)
    assert re.search(r"changed\.jpg is missing .*does not match", shown)
    assert "2 of 3 photographs are missing" in shown


def test_second_call_asks_only_for_what_is_missing(server: Server, listed: Listed) -> None:
    """It succeeds once everything is available."""
    first, second = original(1), original(2)
    server.offer("someone/pictures/raw/HEAD/wall papers/a.jpg", first)
    listed.write(row("a", first), row("b", second))
    assert listed.get()[0] == 2
    server.offer("someone/pictures/raw/HEAD/wall papers/b.jpg", second)
    server.requests.clear()
    assert listed.get()[0] == 0
    assert server.requests == ["/someone/pictures/raw/HEAD/wall%20papers/b.jpg"]


def test_original_of_a_package_is_taken_from_where_the_user_unpacked_it(server: Server, listed: Listed) -> None:
    """The message names the place, no request is sent, and another file in that place is refused."""
    content = original(1)
    listed.write(row("a", content, source="debian:some-wallpapers (bookworm .deb)"))
    place = listed.output / "downloads/photos/debian/some-wallpapers/wall papers/a.jpg"
    status, shown = listed.get()
    assert status == 2
    assert f"sha256:{hashlib.sha256(content).hexdigest()} at {place}" in shown
    place.parent.mkdir(parents=True)
    place.write_bytes(original(2))
    assert listed.get()[0] == 2
    place.write_bytes(content)
    assert listed.get()[0] == 0
    assert listed.scaled == ["a.jpg"]
    assert server.requests == []


def test_photographs_are_scaled_down_upright_by_lanczos(tmp_path: Path) -> None:
    """Like the training files, they are JPEG of quality 95 with chroma at full size, after EXIF orientation."""
    source, target = tmp_path / "original.jpg", tmp_path / "scaled.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    source.write_bytes(original(1, quality=100, subsampling=0, exif=exif))
    scale_down(source, target, size=(16, 24))
    with Image.open(source) as lying, Image.open(target) as scaled:
        upright = lying.transpose(Image.Transpose.ROTATE_270).resize((16, 24), Image.Resampling.LANCZOS)
        assert JpegImagePlugin.get_sampling(scaled) == 0
        assert scaled.info["progressive"]
        difference = np.asarray(scaled, np.float64) - np.asarray(upright, np.float64)
    assert np.abs(difference).mean() < 1
    assert list(tmp_path.iterdir()).count(target) == len(list(tmp_path.glob("scaled*"))) == 1


def test_original_with_alpha_becomes_rgb(tmp_path: Path) -> None:
    """Some originals are PNG or WebP files."""
    source, target = tmp_path / "original.png", tmp_path / "scaled.jpg"
    Image.new("RGBA", (48, 32), (200, 100, 50, 255)).save(source)
    scale_down(source, target, size=(24, 16))
    with Image.open(target) as scaled:
        assert scaled.mode == "RGB"
        assert np.abs(np.asarray(scaled, np.int64) - [200, 100, 50]).max() <= 1


def test_shipped_list_is_whole_and_safe() -> None:
    """Each row occurs once, is well formed and stays in its folder, and the count matches the set."""
    rows = read_photos()
    assert len(rows) == IMAGE_SETS["photos"].count
    assert len({photo.file for photo in rows}) == len({photo.place for photo in rows}) == len(rows)
    for photo in rows:
        assert re.fullmatch(r"[\w.-]+\.jpg", photo.file), photo
        assert len(bytes.fromhex(photo.sha256_original)) == 32, photo
        assert photo.licence, photo
        assert min(photo.pixel_size) > 0, photo
        assert photo.source.startswith(("github:", "debian:")), photo
        assert (photo.url is None) == photo.source.startswith("debian:"), photo
        path = PurePosixPath(photo.original_path)
        assert not path.is_absolute(), photo
        assert ".." not in path.parts, photo


def test_address_of_an_original_is_quoted() -> None:
    """It may have spaces and letters beyond ASCII."""
    photo = row("a", b"", source=f"github:someone/pictures@{COMMIT}", original_path="Blå/a b.jpg")
    assert photo.url == f"https://github.com/someone/pictures/raw/{COMMIT}/Bl%C3%A5/a%20b.jpg"
