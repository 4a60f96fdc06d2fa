"""Atomic writes, and the targets that are never replaced."""

import os
import re
from pathlib import Path

import pytest

from biasfree_client._save import save


def test_a_file_is_replaced_only_with_overwrite(tmp_path):
    """No temporary file is left."""
    target = tmp_path / "a.png"
    save(b"1", target)
    with pytest.raises(FileExistsError, match="already exists"):
        save(b"2", target)
    save(b"3", target, overwrite=True)
    assert target.read_bytes() == b"3"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_symbolic_link_is_never_replaced(tmp_path, there, overwrite):
    """Neither the link changes, nor the file that it points to."""
    pointed, link = tmp_path / "pointed.png", tmp_path / "link.png"
    if there:
        pointed.write_bytes(b"original")
    link.symlink_to(pointed)
    with pytest.raises(FileExistsError, match="symbolic link"):
        save(b"new", link, overwrite=overwrite)
    assert link.is_symlink()
    assert pointed.exists() == there
    assert not there or pointed.read_bytes() == b"original"


def test_a_pipe_gets_the_content(tmp_path):
    """Its reader reads all of it, and the pipe remains."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    save(b"x" * 5000, pipe, overwrite=True)
    assert os.read(reader, 10_000) == b"x" * 5000
    os.close(reader)
    assert pipe.is_fifo()


def test_a_pipe_that_nobody_reads_is_an_error(tmp_path):
    """Waiting for a reader would last forever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="nobody reads"):
        save(b"x", pipe, overwrite=True)
    assert pipe.is_fifo()


def test_a_device_is_written_to(tmp_path):
    """``/dev/null`` also through a link, and neither is replaced."""
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    for target in (os.devnull, link):
        save(b"x", target, overwrite=True)
    assert link.is_symlink()
    assert link.is_char_device()


def test_a_folder_is_not_replaced(tmp_path):
    """The error says that it is one."""
    with pytest.raises(IsADirectoryError, match="is a folder"):
        save(b"x", tmp_path, overwrite=True)


@pytest.mark.parametrize("letter", ["a", "ä", "画"])
def test_names_up_to_the_limit_of_the_file_system_are_written(tmp_path, letter):
    """The temporary name is short, however long the name is."""
    stem = letter * ((os.pathconf(tmp_path, "PC_NAME_MAX") - 4) // len(letter.encode()))
    target = save(b"x", tmp_path / f"{stem}.png")
    assert target.read_bytes() == b"x"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device of Linux")
def test_a_full_disk_is_an_error_with_the_name_of_the_file(tmp_path):
    """Python names no file if a write fails, and the temporary one otherwise."""
    for target in (Path("/dev/full"), tmp_path / "missing" / "a.png"):
        with pytest.raises(OSError, match=re.escape(target.name)) as error:
            save(b"1", target)
        assert error.value.filename == str(target)
