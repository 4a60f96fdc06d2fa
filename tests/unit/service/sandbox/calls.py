"""What the tests have the analysis process do. The process imports this file, so it imports nothing heavy."""

import os
import signal
import sys
from pathlib import Path

from service.errors import InvalidParameter


def process_id(_: object) -> int:
    """The process's id."""
    return os.getpid()


def announce_and_hang(begun: Path) -> None:
    """Say the process's id through a named pipe, and never come back."""
    begun.write_text(str(os.getpid()))
    while True:
        signal.pause()


def hang(_: object) -> None:
    """Never come back."""
    while True:
        signal.pause()


def append(entry: tuple[Path, str]) -> None:
    """Write a line at the end of a file."""
    path, line = entry
    with path.open("a") as file:
        file.write(f"{line}\n")


def kill_itself(_: object) -> None:
    """Die as the kernel kills what takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave(_: object) -> None:
    """Ask for the end of the process."""
    sys.exit("enough")


def take_memory(size: int) -> int:
    """Allocate and fill an array of ``size`` bytes."""
    return len(b"x" * size)


def take_tensor(size: int) -> int:
    """Allocate a tensor of ``size`` bytes."""
    import torch

    return torch.ones(size, dtype=torch.uint8).numel()


def convolve(channels: int) -> tuple[int, int]:
    """Load torch and convolve; gives its number of threads, and of values."""
    import torch

    result = torch.nn.Conv2d(channels, channels, 3)(torch.ones(1, channels, 64, 64))
    return torch.get_num_threads(), result.numel()


def refuse(limit: int) -> None:
    """Raise an error of the service."""
    raise InvalidParameter(f"at most {limit}", limit=limit, actual=limit + 1)


def stumble(_: object) -> None:
    """Raise an error that nobody foresaw, of a class that cannot be unpickled."""

    class LocalError(Exception):
        """Known here alone."""

    raise LocalError("over a stone")


def complain(words: str) -> None:
    """Fail as torch does when oneDNN has failed."""
    raise RuntimeError(words)


def write_noise(size: int) -> int:
    """Write into the streams that native libraries write into, past Python."""
    for _ in range(size // 1024):
        os.write(2, b"x" * 1024)
    return size


def confinement(_: object) -> dict[str, object]:
    """What the process was confined to."""
    import resource

    return {
        "niceness": os.nice(0),
        "memory_bytes": resource.getrlimit(resource.RLIMIT_DATA)[0],
        "oom_score": int(Path("/proc/self/oom_score_adj").read_text()),
        "threads": os.environ["OMP_NUM_THREADS"],
        "ignores_ctrl_c": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    }


def loaded(module: str) -> bool:
    """Whether a module is imported in this process."""
    return module in sys.modules


def load_torch() -> None:
    """Import torch."""
    import torch  # noqa: F401  # what is tested is that it has been


def niceness_of_threads(_: object) -> list[int]:
    """That of every thread of this process."""
    return [os.getpriority(os.PRIO_PROCESS, int(each.name)) for each in Path("/proc/self/task").iterdir()]


def want_memory() -> None:
    """Fail as an allocation does."""
    raise MemoryError


def files_below(folder: Path) -> list[str]:
    """Names of the files in a folder's folders."""
    return [each.name for each in folder.rglob("*") if each.is_file()]
