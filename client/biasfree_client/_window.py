"""Many items, a few at a time, results in the order of the items.

Items are taken as they are needed: a generator of a million of them is never held as a list.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

#: Items under way or waiting to be given, for each that is worked on: one slow item does not hold up its successors,
#: and not more than so many results are held.
AHEAD = 4


def in_threads(function: Callable[[ItemT], ResultT], items: Iterable[ItemT], *, concurrency: int) -> Iterator[ResultT]:
    """Apply a function in threads. What it raises is raised in its place, and ends the rest.

    Raises:
        ValueError: ``concurrency`` is below 1.
    """
    from concurrent.futures import Future, ThreadPoolExecutor

    _check(concurrency)
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
        # What is under way may take minutes: whoever interrupts, or has got an error, does not mean to wait for it.
        pool.shutdown(wait=False, cancel_futures=True)


async def in_tasks(
    function: Callable[[ItemT], Awaitable[ResultT]], items: Iterable[ItemT], *, concurrency: int
) -> AsyncIterator[ResultT]:
    """``in_threads`` for asyncio."""
    import asyncio

    _check(concurrency)
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


def _check(concurrency: int) -> None:
    if concurrency < 1:
        raise ValueError(f"expected a concurrency of 1 or more, got {concurrency}")
