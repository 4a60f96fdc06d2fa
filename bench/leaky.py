"""``python -m bench.leaky``: the service with a leak, to see that ``bench.soak`` finds one."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.server import Server, end
from service import command
from service.app import create_app
from service.routes.running import Running


class KeepBodies:
    """Keeps a copy of everything that it is sent.

    Args:
        app: What comes next.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: list[bytearray] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""

        async def kept() -> Message:
            message = await receive()
            self._kept.append(bytearray(message.get("body", b"")))
            return message

        await self._app(scope, kept, send)


def create_leaky_app(service: Running) -> FastAPI:
    """The real application behind the leak."""
    app = create_app(service)
    app.add_middleware(KeepBodies)
    return app


@contextmanager
def leaky_service() -> Iterator[Server]:
    """``python -m bench.leaky``, as ``bench.server.service`` starts the service.

    Raises:
        RuntimeError: It ended before it served.
    """
    environment = {**os.environ, "BIASFREE_PORT": "0", "BIASFREE_DEVICE": "cpu"}
    arguments = [sys.executable, "-m", "bench.leaky"]
    process = subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, text=True)  # noqa: S603  # ours
    assert process.stderr is not None
    try:
        found = next((match for line in process.stderr if (match := re.search(r"serving on (http://\S+)", line))), None)
        if found is None:
            raise RuntimeError("the leaky service ended before it served")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield Server(found[1], process)
    finally:
        end(process)


def main() -> None:
    """Serve as ``python -m service`` does."""
    with patch.object(command, "create_app", create_leaky_app):
        command.main()


if __name__ == "__main__":
    main()
