"""Files that are complete."""

from pathlib import Path

from biasfree_client.cli.arrivals import Arrivals, stamp_of
from biasfree_client.cli.sources import Source

A, B = (Source(Path(name), Path(name)) for name in ("a.png", "b.png"))


class Disk:
    """Files by their stamp."""

    def __init__(self, **stamps):
        self.stamps = {Path(f"{name}.png"): (0, size) for name, size in stamps.items()}

    def look(self, path):
        """The stamp of one."""
        return self.stamps.get(path)


def test_a_file_is_ready_when_it_stood_still_between_two_looks():
    """And is given once."""
    arrivals = Arrivals(Disk(a=10).look)
    assert [arrivals.ready([A]) for _ in range(4)] == [[], [A], [], []]


def test_a_file_that_grows_is_not_ready():
    """Until it has stopped."""
    disk = Disk(a=1)
    arrivals = Arrivals(disk.look)
    for size in (1, 2, 3):
        disk.stamps[A.path] = (0, size)
        assert arrivals.ready([A]) == []
    assert arrivals.ready([A]) == [A]


def test_a_file_that_changed_is_given_again():
    """A photograph that was saved anew."""
    disk = Disk(a=1, b=1)
    arrivals = Arrivals(disk.look)
    arrivals.ready([A, B])
    assert arrivals.ready([A, B]) == [A, B]
    disk.stamps[B.path] = (5, 1)
    assert [arrivals.ready([A, B]), arrivals.ready([A, B])] == [[], [B]]


def test_a_file_that_went_is_no_concern():
    """Between the listing and the look."""
    arrivals = Arrivals(Disk().look)
    assert [arrivals.ready([A]), arrivals.ready([A])] == [[], []]


def test_stamps_are_those_of_the_disk(tmp_path):
    """Size and time; None where nothing is."""
    (tmp_path / "a").write_bytes(b"123")
    assert stamp_of(tmp_path / "a")[1] == 3
    assert stamp_of(tmp_path / "b") is None
