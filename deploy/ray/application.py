"""The Ray Serve application, ``deploy.ray.application:build`` in ``serve.yaml``."""

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
    """A replica of the whole service: models, device, queue and routes.

    Serve runs the application's lifespan around it, so that it warms up and drains as in other deployments.

    Args:
        settings: Settings like ``BIASFREE_...``, without the prefix and in lower case; the environment has the rest.
    """

    _keeper: asyncio.Task[None] | None = None

    def __init__(self, settings: Mapping[str, Any]) -> None:
        cpus = ray.get_runtime_context().get_assigned_resources().get("CPU", 1.0)
        ours = within(Settings(**settings), cpus=cpus)
        logs.configure(format=ours.log_format, level=ours.log_level)
        self._service = start(ours, traces=tracing.from_environment(known_query=KNOWN_QUERY))

    async def __serve_build_asgi_app__(self) -> FastAPI:
        """Return the application with the routes; Serve calls this when the service has started."""
        kept = asyncio.Event()
        self._keeper = asyncio.create_task(_keep_processes(kept))
        await kept.wait()
        return create_app(self._service)

    def __del__(self) -> None:
        """Release the keeper of processes; Serve calls this after the lifespan."""
        if self._keeper is not None:
            self._keeper.cancel()

    def check_health(self) -> None:
        """Check readiness as ``/readyz`` does; Serve replaces a replica that fails repeatedly.

        Raises:
            NotReady: The device is lost, or computes wrong results.
        """
        self._service.require_ready()


async def _keep_processes(kept: asyncio.Event) -> None:
    """Start anyio's first process of this event loop, and keep running.

    anyio kills all processes when the root task of the loop ends. Serve's loop has no root task, so anyio takes the
    task that started the first process for it. Without this keeper, the analysis lost its process as soon as it was
    warm.
    """
    try:
        await to_process.run_sync(os.getpid)
    finally:
        kept.set()
    await asyncio.Event().wait()


def build(settings: dict[str, Any]) -> serve.Application:
    """Build the application from the ``args`` in ``serve.yaml``, which are settings."""
    # Validated here, not only in the replica, so that misspelled settings are reported at once.
    Settings(**settings)
    # Number of replicas, health checks and timeouts are configured in serve.yaml.
    return serve.deployment(serve.ingress()(Replica)).bind(settings)
