"""The service with a leak, to check that ``bench.soak`` finds one: ``python -m bench.leaky``."""

from unittest.mock import patch

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import command
from service.app import create_app
from service.state import ServiceState

#: Copies of each body, so that fewer requests show the leak.
COPIES = 8


class KeepBodies:
    """A middleware that keeps copies of every body.

    Args:
        app: The next ASGI application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: list[bytearray] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI call."""

        async def kept() -> Message:
            message = await receive()
            self._kept.append(COPIES * bytearray(message.get("body", b"")))
            return message

        await self._app(scope, kept, send)


def create_leaky_app(service: ServiceState) -> FastAPI:
    """Create the real application behind the leak."""
    app = create_app(service)
    app.add_middleware(KeepBodies)
    return app


def main() -> None:
    """Serve as ``python -m service`` does."""
    with patch.object(command, "create_app", create_leaky_app):
        command.main()


if __name__ == "__main__":
    main()
