"""What Ray Serve runs: ``deploy.ray.application:build``, which ``serve.yaml`` names."""

from collections.abc import Mapping
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve

from deploy.ray.share import within
from service.app import create_app, start
from service.settings import Settings


class Replica:
    """One whole service: its models on its device, its queue, its routes.

    Serve runs the application's lifespan around it, so that its start warms and its end drains as anywhere else.

    Args:
        settings: As ``BIASFREE_...`` without the prefix and in small letters; the environment has the rest.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        cpus = ray.get_runtime_context().get_assigned_resources().get("CPU", 1.0)
        self._service = start(within(Settings(**settings), cpus=cpus))

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The routes; Serve calls this once the service has started."""
        return create_app(self._service)

    def check_health(self) -> None:
        """What ``/readyz`` says; Serve replaces a replica that fails again and again.

        Raises:
            NotReady: The device is lost, or its results are not what they should be.
        """
        self._service.require_ready()


def build(settings: dict[str, Any]) -> serve.Application:
    """The application with the ``args`` of ``serve.yaml``, which are settings."""
    # Here and not only in the replica: what is misspelt is told at once.
    Settings(**settings)
    # Everything about numbers of replicas, health and time is in serve.yaml.
    return serve.deployment(serve.ingress()(Replica)).bind(settings)
