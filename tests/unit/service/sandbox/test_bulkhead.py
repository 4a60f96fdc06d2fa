"""The wall around the analyses, with real processes that hang, die and take too much."""

import asyncio
import itertools
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.errors import (
    AnalysisFailed,
    DeadlineExceeded,
    InferenceFailed,
    InvalidParameter,
    NotReady,
    QueueFull,
)
from service.sandbox.bulkhead import FIRST_GUESS_S, Bulkhead
from service.sandbox.confine import NICENESS, Confinement, UnforeseenError
from tests.unit.service.sandbox import calls

ROOT = Path(__file__).parents[4]
GIB = 1024**3

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process like this")
posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")


#: Of the test that runs.
WALLS: list[Bulkhead] = []


def bulkhead(*, waiting: int = 4, timeout_s: float = 60, memory_bytes: int = GIB, **options) -> Bulkhead:
    """A bulkhead with room and time."""
    confinement = Confinement(threads=2, memory_bytes=memory_bytes)
    WALLS.append(Bulkhead(waiting=waiting, timeout_s=timeout_s, confinement=confinement, **options))
    return WALLS[-1]


def run(coroutine):
    """Run a coroutine with a bound on its time, and end its bulkheads as the service ends its own."""

    async def ended():
        try:
            return await asyncio.wait_for(coroutine, 60)
        finally:
            while WALLS:
                await WALLS.pop().end()

    return asyncio.run(ended())


class Announcements:
    """Ids of the processes in which a call has begun, through a named pipe that can be awaited."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        # For both, so that neither end waits for the other.
        self.end = os.open(path, os.O_RDWR)

    async def next(self) -> int:
        """The next id."""
        said, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(self.end, said.set)
        try:
            await said.wait()
        finally:
            loop.remove_reader(self.end)
        return int(os.read(self.end, 32))


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Announcements]:
    """Where calls say that they have begun."""
    announcements = Announcements(tmp_path / "begun")
    yield announcements
    os.close(announcements.end)


async def start_hanging(wall: Bulkhead, begun: Announcements) -> tuple[asyncio.Task, int]:
    """A call that runs and will not end, and the id of its process."""
    task = asyncio.create_task(wall.run(calls.announce_and_hang, begun.path))
    return task, await begun.next()


async def until_waiting(wall: Bulkhead, count: int) -> None:
    """Let tasks that were just made come as far as the queue."""
    while wall.state.waiting < count:
        await asyncio.sleep(0)


async def cancelled(*tasks: asyncio.Task) -> None:
    """Cancel tasks and wait until they are over."""
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in outcomes)


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children() -> set[int]:
    """Ids of the processes that this one started and that have not ended."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it ended meanwhile
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.add(int(path.parent.name))
    return found


def test_a_result_comes_back_from_a_process_that_stays():
    """Another process than this, and the same for the next call."""

    async def scenario() -> None:
        wall = bulkhead()
        first, second = [await wall.run(calls.process_id, None) for _ in range(2)]
        assert first == second != os.getpid()

    run(scenario())


@posix
def test_a_call_past_its_deadline_is_killed_and_the_place_is_free():
    """Its process is gone when the error comes."""

    async def scenario() -> None:
        pid = await bulkhead().run(calls.process_id, None)
        # On the process that has started, so that the deadline falls into the call.
        wall = bulkhead(timeout_s=1)
        with pytest.raises(DeadlineExceeded) as caught:
            await wall.run(calls.hang, None)
        assert caught.value.facts == {"limit": 1}
        assert not is_alive(pid)
        assert wall.state.running == 0
        assert await bulkhead().run(calls.process_id, None) != pid

    run(scenario())


@posix
def test_the_deadline_covers_the_wait(tmp_path):
    """Who waits too long leaves the queue and never runs."""
    path = tmp_path / "lines"

    async def scenario() -> None:
        wall = bulkhead(timeout_s=1)
        running = asyncio.create_task(wall.run(calls.hang, None))
        waiting = asyncio.create_task(wall.run(calls.append, (path, "ran")))
        outcomes = await asyncio.gather(running, waiting, return_exceptions=True)
        assert [type(each) for each in outcomes] == [DeadlineExceeded, DeadlineExceeded]
        assert await bulkhead().run(calls.process_id, None) != os.getpid()
        assert not path.exists()

    run(scenario())


@posix
def test_a_cancelled_call_is_killed_and_the_place_is_free(begun):
    """As when its client leaves."""

    async def scenario() -> None:
        wall = bulkhead()
        task, pid = await start_hanging(wall, begun)
        await cancelled(task)
        assert not is_alive(pid)
        assert await wall.run(calls.process_id, None) != pid

    run(scenario())


@linux
@pytest.mark.parametrize("turns", [0, 20])
def test_a_call_cancelled_while_its_process_starts_leaves_none_behind(turns):
    """However early its client leaves, there is one process, and the next call has it."""

    async def scenario() -> None:
        others, wall = children(), bulkhead()
        task = asyncio.create_task(wall.run(calls.hang, None))
        while children() == others:
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        await cancelled(task)
        pid = await wall.run(calls.process_id, None)
        assert children() - others == {pid}

    run(scenario())


@posix
def test_a_process_that_is_killed_fails_its_call_alone():
    """The next call has a new one."""

    async def scenario() -> None:
        wall = bulkhead()
        with pytest.raises(AnalysisFailed, match=f"BIASFREE_ANALYSIS_MEMORY_BYTES={GIB}"):
            await wall.run(calls.kill_itself, None)
        assert await wall.run(calls.process_id, None) != os.getpid()

    run(scenario())


@linux
@pytest.mark.parametrize("call", [calls.take_memory, calls.take_tensor])
def test_a_call_past_the_memory_fails_alone(call):
    """Python's allocator and torch's: less than the bound is given, more ends the process and nothing else."""

    async def scenario() -> None:
        wall = bulkhead(memory_bytes=GIB)
        pid = await wall.run(calls.process_id, None)
        assert await wall.run(call, GIB // 4) == GIB // 4
        with pytest.raises(AnalysisFailed) as caught:
            await wall.run(call, 4 * GIB)
        assert caught.value.facts == {"limit": GIB}
        assert not is_alive(pid)
        assert await wall.run(calls.process_id, None) != pid

    run(scenario())


@linux
def test_a_task_larger_than_the_memory_fails_alone():
    """And neither side waits for the other."""

    async def scenario() -> None:
        wall = bulkhead(memory_bytes=GIB // 8)
        with pytest.raises(AnalysisFailed):
            await wall.run(calls.process_id, bytes(GIB // 4))
        assert await wall.run(calls.process_id, b"") != os.getpid()

    run(scenario())


def test_a_task_that_cannot_be_written_fails_alone(monkeypatch, tmp_path):
    """A disk that is full or read-only is no unforeseen error, and what is wrong with it is for the log."""

    async def scenario() -> None:
        wall = bulkhead()
        with monkeypatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
            with pytest.raises(AnalysisFailed) as failure:
                await wall.run(calls.process_id, None)
        assert str(tmp_path) not in failure.value.detail
        assert await wall.run(calls.process_id, None) != os.getpid()

    run(scenario())


@posix
def test_more_than_may_wait_are_refused(begun):
    """At once, with the numbers, and with a time that was measured once there is one."""

    async def scenario() -> None:
        wall = bulkhead(waiting=1, clock=itertools.count(0, 8).__next__)
        running, _ = await start_hanging(wall, begun)
        waiting = asyncio.create_task(wall.run(calls.announce_and_hang, begun.path))
        await until_waiting(wall, 1)
        with pytest.raises(QueueFull) as caught:
            await wall.run(calls.process_id, None)
        assert caught.value.facts == {"limit": 1, "actual": 1, "retry_after_s": 2 * FIRST_GUESS_S}

        await cancelled(running)
        await begun.next()
        third = asyncio.create_task(wall.run(calls.process_id, None))
        await until_waiting(wall, 1)
        with pytest.raises(QueueFull) as caught:
            wall.require_room()
        assert caught.value.facts["retry_after_s"] == 2 * 8
        await cancelled(waiting, third)

    run(scenario())


@posix
def test_calls_run_in_the_order_they_came(begun, tmp_path):
    """Whoever waited longest is next."""
    path = tmp_path / "lines"

    async def scenario() -> None:
        wall = bulkhead(waiting=3)
        first, _ = await start_hanging(wall, begun)
        rest = [asyncio.create_task(wall.run(calls.append, (path, line))) for line in "abc"]
        await until_waiting(wall, 3)
        await cancelled(first)
        await asyncio.gather(*rest)
        assert path.read_text().split() == ["a", "b", "c"]
        assert wall.state.running == wall.state.waiting == 0

    run(scenario())


def test_an_error_of_the_service_comes_back_as_itself():
    """With its sentence and its numbers."""

    async def scenario() -> None:
        with pytest.raises(InvalidParameter, match="at most 5") as caught:
            await bulkhead().run(calls.refuse, 5)
        assert caught.value.facts == {"limit": 5, "actual": 6}

    run(scenario())


def test_an_unforeseen_error_brings_the_traceback_of_the_process():
    """As text, and the process goes on."""

    async def scenario() -> None:
        wall = bulkhead()
        pid = await wall.run(calls.process_id, None)
        with pytest.raises(UnforeseenError, match=r"(?s)calls\.py.*in stumble.*LocalError: over a stone"):
            await wall.run(calls.stumble, None)
        with pytest.raises(UnforeseenError, match="SystemExit"):
            await wall.run(calls.leave, None)
        assert await wall.run(calls.process_id, None) == pid

    run(scenario())


def test_want_of_memory_in_onednn_fails_alone():
    """It says little, and its other complaints begin alike: those are faults of ours, and told as such."""

    async def scenario() -> None:
        wall = bulkhead()
        with pytest.raises(AnalysisFailed):
            await wall.run(calls.complain, "could not create a primitive")
        with pytest.raises(UnforeseenError, match="descriptor"):
            await wall.run(calls.complain, "could not create a primitive descriptor for a convolution")

    run(scenario())


@linux
def test_the_process_is_confined_before_it_loads_torch():
    """Priority, memory, threads, and who is killed first."""

    async def scenario() -> None:
        wall = bulkhead()
        assert await wall.run(calls.confinement, None) == {
            "niceness": 10,
            "memory_bytes": GIB,
            "oom_score": 1000,
            "threads": "2",
            "ignores_ctrl_c": True,
        }
        assert await wall.run(calls.convolve, 4) == (2, 4 * 62 * 62)

    run(scenario())


@posix
def test_a_chatty_library_does_not_block_the_process():
    """More than a pipe holds."""

    async def scenario() -> None:
        assert await bulkhead().run(calls.write_noise, 2**20) == 2**20

    run(scenario())


@posix
def test_closing_takes_nothing_new_and_finishes_what_is_there(begun, tmp_path):
    """No call that was let in is lost."""
    path = tmp_path / "lines"

    async def scenario() -> None:
        wall = bulkhead()
        first, _ = await start_hanging(wall, begun)
        second = asyncio.create_task(wall.run(calls.append, (path, "done")))
        await until_waiting(wall, 1)
        wall.close()
        with pytest.raises(NotReady, match="shutting down"):
            await wall.run(calls.process_id, None)
        await cancelled(first)
        await second
        assert path.read_text() == "done\n"

    run(scenario())


@linux
def test_the_process_dies_with_its_parent_in_the_midst_of_a_call(begun):
    """Nobody is left to stop it: the kernel does."""
    code = (
        "import asyncio, sys; from pathlib import Path; from tests.unit.service.sandbox import calls, test_bulkhead;"
        "asyncio.run(test_bulkhead.bulkhead().run(calls.announce_and_hang, Path(sys.argv[1])))"
    )
    with subprocess.Popen([sys.executable, "-c", code, begun.path], cwd=ROOT) as parent:
        assert select.select([begun.end], [], [], 60)[0]
        process = os.pidfd_open(int(os.read(begun.end, 32)))
        parent.kill()
    assert select.select([process], [], [], 60)[0]
    os.close(process)


@pytest.mark.parametrize(
    "statement",
    ["import service.sandbox.bulkhead", "import runpy; runpy.run_path('service/__main__.py', run_name='__mp_main__')"],
)
def test_the_service_and_the_start_of_the_process_load_nothing_heavy(statement):
    """The parent knows the bulkhead alone, and the process runs the parent's main file before it is confined."""
    code = f"import sys; {statement}; print(*sorted({{'torch', 'numpy', 'onnxruntime', 'fastapi'}} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert loaded.split() == []


def test_a_process_started_in_advance_makes_the_first_call():
    """Prepared already; a start is no part of a call's time."""

    async def scenario() -> None:
        wall = bulkhead(timeout_s=1, prepare=calls.load_torch)  # which takes longer than that
        wall.warm()
        assert await wall.run(calls.loaded, "torch")
        with pytest.raises(DeadlineExceeded):
            await wall.run(calls.hang, None)
        assert await wall.run(calls.loaded, "torch")

    run(scenario())


def test_a_bulkhead_that_ended_starts_nothing():
    """Neither by itself nor when asked to."""

    async def scenario() -> None:
        wall = bulkhead()
        await wall.end()
        wall.warm()
        assert wall._starting is None
        with pytest.raises(NotReady):
            await wall.run(calls.process_id, None)

    run(scenario())


@linux
def test_every_thread_of_a_prepared_process_has_low_priority():
    """What ``prepare`` imports starts threads, and none of them may be there before the process is confined."""

    async def scenario() -> None:
        wall = bulkhead(prepare=calls.load_torch)
        assert set(await wall.run(calls.niceness_of_threads, None)) == {NICENESS}

    run(scenario())


def test_want_of_memory_at_the_start_is_told_as_such():
    """As in a call."""

    async def scenario() -> None:
        with pytest.raises(AnalysisFailed, match="BIASFREE_ANALYSIS_MEMORY_BYTES"):
            await bulkhead(prepare=calls.want_memory).run(calls.process_id, None)

    run(scenario())


@linux
def test_a_process_without_a_bound_has_none_of_a_call_before():
    """Bulkheads share processes: one that needs CUDA's mappings may get one that another had bound."""

    async def scenario() -> None:
        pid = await bulkhead(memory_bytes=GIB).run(calls.process_id, None)
        free = Bulkhead(waiting=0, timeout_s=60, confinement=Confinement(threads=2, memory_bytes=None))
        WALLS.append(free)
        assert await free.run(calls.process_id, None) == pid
        assert await free.run(calls.take_memory, GIB + GIB // 4) > GIB

    run(scenario())


def test_a_bulkhead_names_what_it_keeps_apart():
    """In its refusals, and by the error of a process that died."""

    async def scenario() -> None:
        wall = bulkhead(waiting=0, what="classical denoiser", failed=InferenceFailed)
        with pytest.raises(InferenceFailed, match="the process of the classical denoiser died"):
            await wall.run(calls.kill_itself, None)
        hanging = asyncio.create_task(wall.run(calls.hang, None))
        await asyncio.sleep(0)
        with pytest.raises(QueueFull, match="one classical denoiser runs"):
            wall.require_room()
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)

    run(scenario())


def test_the_file_of_a_task_is_gone_before_the_call_begins(tmp_path, monkeypatch):
    """So that no image stays behind when the service itself is killed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def scenario() -> None:
        assert await bulkhead().run(calls.files_below, tmp_path) == []

    run(scenario())
