"""Downloads from a local server."""

import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.training.data.servers import Server
from training.data import get_data
from training.data.download import LOCK, Downloads
from training.data.sources import BSD68, IMAGE_SETS, ImageSet, RemoteFile

ROOT = Path(__file__).parents[4]
IMAGES = {"set/a.png": b"first", "set/b.png": b"second", "set/skip.png": b"third", "set/readme.txt": b"text"}


@dataclass
class Report:
    """A reporter that keeps what it is told; it is its own progress bar."""

    trusts: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    total: int = 0
    done: int = 0

    def bar(self, name: str) -> "Report":
        """Record the name."""
        self.names.append(name)
        return self

    def trusted(self, name: str, checksum: str) -> None:
        """Record name and checksum."""
        self.trusts[name] = checksum

    def update(self, count: int) -> None:
        """Add to the count."""
        self.done += count

    def reset(self) -> None:
        """Reset the count."""
        self.done = 0

    def close(self) -> None:
        """Ignore the end."""


def image_set(*files: RemoteFile, count: int = 2, **others: object) -> ImageSet:
    """Make a set of these files."""
    return ImageSet("set", "http://home", "none", files, count, **others)


def tar(members: dict[str, bytes]) -> bytes:
    """Make a ``.tar.gz`` in memory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """Make a ``.zip`` in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "pack"), [("images.tgz", tar), ("images.zip", zipped)])
def test_wanted_members_of_an_archive_become_a_folder(tmp_path: Path, server: Server, name: str, pack: object) -> None:
    """Members are chosen by pattern, without those to leave out, and the bar reaches the end."""
    report = Report()
    wanted = image_set(server.offer(name, pack(IMAGES)), members="set/*.png", leave_out=frozenset({"skip"}))
    folder = Downloads(tmp_path / "data", reporter=report).get(wanted)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.png": b"first", "b.png": b"second"}
    assert report.names == [name]
    assert report.done == report.total == (server.folder / name).stat().st_size


def test_second_call_downloads_nothing(tmp_path: Path, server: Server) -> None:
    """Another set from the same archive needs no download either."""
    downloads = Downloads(tmp_path, reporter=Report())
    file = server.offer("images.tgz", tar(IMAGES))
    first = image_set(file, members="*.png", only=frozenset({"a"}), count=1)
    downloads.get(first)
    downloads.get(first)
    downloads.get(ImageSet("other", "", "", (file,), 1, members="*.png", only=frozenset({"b"})))
    assert server.requests == ["/images.tgz"]


def test_broken_off_set_goes_on_with_the_files_that_are_missing(tmp_path: Path, server: Server) -> None:
    """Correct files are kept, and damaged ones are downloaded again."""
    files = [server.offer(f"{name}.png", name.encode()) for name in ("a", "b", "c")]
    downloads = Downloads(tmp_path / "data", reporter=Report())
    (server.folder / "c.png").unlink()
    with pytest.raises(OSError, match="404"):
        downloads.get(image_set(*files, count=3))
    (tmp_path / "data" / "downloads" / "a.png").write_bytes(b"damaged")
    server.offer("c.png", b"c")
    server.requests.clear()
    folder = downloads.get(image_set(*files, count=3))
    assert server.requests == ["/a.png", "/c.png"]
    assert (folder / "a.png").read_bytes() == b"a"


@pytest.mark.parametrize("checksum", ["sha256:" + "0" * 64, "md5:" + "0" * 32])
def test_wrong_checksum_is_refused_and_nothing_is_left_behind(tmp_path: Path, server: Server, checksum: str) -> None:
    """Neither the file nor the set is kept."""
    data = tmp_path / "data"
    with pytest.raises(ValueError, match="does not match"):
        Downloads(data, reporter=Report()).get(image_set(server.offer("a.png", b"a", checksum=checksum), count=1))
    assert [path for path in data.rglob("*") if path.is_file()] == []
    assert not (data / "set").exists()


def test_first_download_without_a_published_checksum_is_recorded_and_then_asked_for(
    tmp_path: Path, server: Server
) -> None:
    """This is trust on first use, stated plainly; a file that changes later is refused."""
    report, file = Report(), server.offer("a.png", b"a", checksum=None)
    downloads = Downloads(tmp_path, reporter=report)
    folder = downloads.get(image_set(file, count=1))
    expected = f"sha256:{hashlib.sha256(b'a').hexdigest()}"
    assert report.trusts == json.loads((tmp_path / LOCK).read_text()) == {"a.png": expected}

    (folder / "a.png").unlink()
    folder.rmdir()
    (tmp_path / "downloads" / "a.png").unlink()
    server.offer("a.png", b"another")
    with pytest.raises(ValueError, match="does not match"):
        downloads.get(image_set(file, count=1))


@pytest.mark.parametrize("pack", [tar, zipped])
@pytest.mark.parametrize("member", ["../outside.png", "set/../../outside.png", "/tmp/outside.png"])
def test_archive_whose_member_leads_outside_is_refused(
    tmp_path: Path, server: Server, member: str, pack: object
) -> None:
    """The whole archive is refused before anything is written."""
    file = server.offer("images.bin", pack({**IMAGES, member: b"evil"}))
    with pytest.raises(ValueError, match="leads out of the folder"):
        Downloads(tmp_path / "data", reporter=Report()).get(image_set(file, members="*.png", count=4))
    assert not list(tmp_path.rglob("outside.png"))
    assert not (tmp_path / "data" / "set").exists()


def test_link_in_an_archive_is_not_followed(tmp_path: Path, server: Server) -> None:
    """Only regular files are read."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo("a.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    file = server.offer("images.tgz", buffer.getvalue())
    with pytest.raises(ValueError, match="set has 0 instead of 1 images"):
        Downloads(tmp_path / "data", reporter=Report()).get(image_set(file, count=1))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "is not a zip or tar archive"),
        (tar({"a.png": b"1"}), "set has 1 instead of 2 images"),
        (tar({"x/a.png": b"1", "y/a.png": b"2"}), "a.png twice"),
    ],
    ids=["no archive", "too few", "twice"],
)
def test_archive_with_other_content_is_refused(tmp_path: Path, server: Server, content: bytes, message: str) -> None:
    """A set is complete or absent."""
    with pytest.raises(ValueError, match=message):
        Downloads(tmp_path, reporter=Report()).get(image_set(server.offer("images.tgz", content)))
    assert not (tmp_path / "set").exists()


def test_command_shows_sources_and_says_what_was_not_verified(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It prints home page, terms, and the checksum that is now trusted."""
    file = server.offer("a.png", b"a", checksum=None)
    monkeypatch.setitem(IMAGE_SETS, "set", image_set(file, count=1))
    console = Console(file=io.StringIO(), record=True, width=400)
    get_data.get_data(["set"], tmp_path / "new", console=console)
    shown = console.export_text()
    for text in ("http://home", "(none)", "not verified", hashlib.sha256(b"a").hexdigest(), str(tmp_path / "new")):
        assert text in shown


def test_unknown_set_names_those_there_are(tmp_path: Path) -> None:
    """Nothing is downloaded."""
    with pytest.raises(ValueError, match="unknown image sets: set13; available: photos, bsds432"):
        get_data.get_data(["set13"], tmp_path, console=Console(quiet=True))


def test_every_set_says_where_it_is_from_and_how_it_may_be_used() -> None:
    """Checksums are well formed, and only Set12 has none."""
    for name, entry in IMAGE_SETS.items():
        assert entry.name == name
        assert entry.home.startswith("https://") or (ROOT / entry.home).exists()
        assert entry.licence
        for file in entry.files:
            assert file.url.startswith("https://")
            if name == "set12":
                assert file.checksum is None
            else:
                algorithm, digest = str(file.checksum).split(":")
                assert len(bytes.fromhex(digest)) == hashlib.new(algorithm).digest_size
    assert {name: entry.count for name, entry in IMAGE_SETS.items()}["bsds432"] + len(BSD68) == 500
