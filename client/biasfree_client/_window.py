"""A sliding window over many items: a few at a time, with results in the order of the items.

Items are taken as needed, so an endless generator is fine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

#: Items in the window per worker: enough that a slow item does not block those behind it, and an upper limit on the
#: results held in memory.
AHEAD = 4


def in_threads(function: Callable[[ItemT], ResultT], items: Iterable[ItemT], *, concurrency: int) -> Generator[ResultT]:
    """Apply a function in threads. An error is raised in place of its result, and ends the iteration.

    Raises:
        ValueError: ``concurrency`` is below 1, or the items are the characters of a string or bytes.
    """
    from concurrent.futures import Future, ThreadPoolExecutor

    _check(items, concurrency)
    window: deque[Future[ResultT]] = deque()
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="biasfree")
    try:
        for item in items:
            window.append(pool.submit(function, item))
            if len(window) >= AHEAD * concurrency:
                yield window.popleft().result()
        while window:
            yield window.popleft().result()
    finally:
        # Running items may take minutes; after an interrupt or an error, nobody wants to wait for them.
        pool.shutdown(wait=False, cancel_futures=True)


async def in_tasks(
    function: Callable[[ItemT], Awaitable[ResultT]], items: Iterable[ItemT], *, concurrency: int
) -> AsyncIterator[ResultT]:
    """Apply a coroutine function in tasks, as ``in_threads`` does in threads."""
    import asyncio

    _check(items, concurrency)
    gate = asyncio.Semaphore(concurrency)

    async def one(item: ItemT) -> ResultT:
        async with gate:
            return await function(item)

    window: deque[asyncio.Task[ResultT]] = deque()
    try:
        for item in items:
            window.append(asyncio.create_task(one(item)))
            if len(window) >= AHEAD * concurrency:
                yield await window.popleft()
        while window:
            yield await window.popleft()
    finally:
        for task in window:
            task.cancel()
        await asyncio.gather(*window, return_exceptions=True)


def _check(items: object, concurrency: int) -> None:
    if isinstance(items, str | bytes):
        raise ValueError(f"a single {type(items).__name__} is one item: give a list of them")
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
