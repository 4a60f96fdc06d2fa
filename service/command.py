"""The command ``python -m service``: read the settings, bind the port, start, serve."""

import argparse
import logging
import math
import os
import socket
import sys
import threading
from types import FrameType
from typing import NoReturn

import uvicorn
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from biasfree.artifact import ArtifactError
from biasfree.engines.engine import EngineError
from service.access.keys import KeysError
from service.app import KNOWN_QUERY, create_app, start
from service.http.connection import BoundedConnection
from service.settings import Settings, unknown_variables
from service.telemetry import logs, tracing

log = logging.getLogger(__name__)

#: Grace period for work that does not need the lost device: a body that is still arriving, an analysis.
GRACE_WITHOUT_DEVICE_S = 10.0


class Server(uvicorn.Server):
    """A server that reports not ready as soon as a signal arrives, before it does anything else."""

    def __init__(self, config: uvicorn.Config, *, draining: threading.Event) -> None:
        super().__init__(config)
        self._draining = draining

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Report not ready, then shut down."""
        self._draining.set()
        super().handle_exit(sig, frame)


def main() -> None:
    """Serve until a signal arrives. If the service cannot start, print a one-line error and exit with status 1."""
    _parse_arguments()
    settings = _settings()
    logs.configure(format=settings.log_format, level=settings.log_level)
    listening = _listen(settings.host, settings.port)
    try:
        service = start(settings, traces=tracing.from_environment(known_query=KNOWN_QUERY))
    except (ArtifactError, EngineError, KeysError, tracing.TracingUnavailable) as exc:
        _refuse(str(exc))
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        server_header=False,
        http=BoundedConnection,
        timeout_keep_alive=math.ceil(settings.keep_alive_s),
        # A request in progress may take this long; a stalled connection does not delay the shutdown any longer.
        timeout_graceful_shutdown=math.ceil(settings.timeout_s),
    )
    server = Server(config, draining=service.draining)
    service.queue.on_death = lambda: _end(server)
    host, port = listening.getsockname()[:2]
    log.info("serving on http://%s:%d", f"[{host}]" if ":" in host else host, port)
    server.run(sockets=[listening])
    if service.queue.state.died:
        _refuse("the device thread died; restart the service")


def _end(server: uvicorn.Server) -> None:
    """Stop a server whose device is lost: at once for requests waiting for it, soon for everything else."""
    server.should_exit = True
    timer = threading.Timer(GRACE_WITHOUT_DEVICE_S, lambda: setattr(server, "force_exit", True))
    timer.daemon = True
    timer.start()


def _parse_arguments() -> None:
    """Answer ``--help``, and refuse any other argument: an option that does nothing would be believed."""
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Serve the denoising API. Settings are environment variables, such as BIASFREE_PORT=8000 and "
        "BIASFREE_DEVICE=cpu; docs/settings.md lists all.",
    )
    parser.parse_args()


def _settings() -> Settings:
    unknown = unknown_variables(os.environ)
    if unknown:
        _refuse(f"{', '.join(unknown)}: no such setting; docs/settings.md lists all settings")
    try:
        return Settings()
    except ValidationError as exc:
        _refuse("\n".join(_sentence(failure) for failure in exc.errors()))


def _sentence(failure: ErrorDetails) -> str:
    if not failure["loc"]:  # contradictory settings
        return failure["msg"].removeprefix("Value error, ")
    reason = failure["msg"].removeprefix("Value error, ")
    return f"BIASFREE_{'_'.join(map(str, failure['loc'])).upper()}={failure['input']} is invalid: {reason}"


def _listen(host: str, port: int) -> socket.socket:
    """Bind the port before the models are loaded, so that a port in use is reported at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # "::" serves IPv4 as well.
        dual = host == "::" and socket.has_dualstack_ipv6()
        server = socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=dual)
        # asyncio switches off Nagle's algorithm only for sockets with the protocol number of TCP, which create_server
        # leaves out: every answer on a kept connection waited 40 ms for the client's delayed acknowledgement.
        return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=server.detach())
    except OSError as exc:
        _refuse(f"cannot listen on BIASFREE_HOST={host}, BIASFREE_PORT={port}: {exc.strerror}")


def _refuse(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(1)
