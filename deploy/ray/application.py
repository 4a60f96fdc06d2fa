"""What Ray Serve runs: ``deploy.ray.application:build``, which ``serve.yaml`` names."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

import ray
from anyio import to_process
from fastapi import FastAPI
from ray import serve

from deploy.ray.share import within
from service.app import KNOWN_QUERY, create_app, start
from service.settings import Settings
from service.telemetry import logs, tracing


class Replica:
    """One whole service: its models on its device, its queue, its routes.

    Serve runs the application's lifespan around it, so that its start warms and its end drains as anywhere else.

    Args:
        settings: As ``BIASFREE_...`` without the prefix and in small letters; the environment has the rest.
    """

    _keeper: asyncio.Task[None] | None = None

    def __init__(self, settings: Mapping[str, Any]) -> None:
        cpus = ray.get_runtime_context().get_assigned_resources().get("CPU", 1.0)
        ours = within(Settings(**settings), cpus=cpus)
        logs.configure(format=ours.log_format, level=ours.log_level)
        self._service = start(ours, traces=tracing.from_environment(known_query=KNOWN_QUERY))

    async def __serve_build_asgi_app__(self) -> FastAPI:
        """The routes; Serve calls this once the service has started."""
        kept = asyncio.Event()
        self._keeper = asyncio.create_task(_keep_processes(kept))
        await kept.wait()
        return create_app(self._service)

    def __del__(self) -> None:
        """Serve calls this once the lifespan is over."""
        if self._keeper is not None:
            self._keeper.cancel()

    def check_health(self) -> None:
        """What ``/readyz`` says; Serve replaces a replica that fails again and again.

        Raises:
            NotReady: The device is lost, or its results are not what they should be.
        """
        self._service.require_ready()


async def _keep_processes(kept: asyncio.Event) -> None:
    """Ask anyio for the first process of this event loop, and stay.

    anyio kills all of them when the root task of the loop ends, and takes for it the task that asked first, where there
    is no other: Serve's loop has none. The analysis lost its process as soon as that was warm.
    """
    try:
        await to_process.run_sync(os.getpid)
    finally:
        kept.set()
    await asyncio.Event().wait()


def build(settings: dict[str, Any]) -> serve.Application:
    """The application with the ``args`` of ``serve.yaml``, which are settings."""
    # Here and not only in the replica: what is misspelt is told at once.
    Settings(**settings)
    # Everything about numbers of replicas, health and time is in serve.yaml.
    return serve.deployment(serve.ingress()(Replica)).bind(settings)
