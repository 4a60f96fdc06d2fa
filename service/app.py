"""The web application: start-up, shutdown, and what every request passes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.metadata import version
from threading import Event
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware

from biasfree.artifact import Artifact
from biasfree.engines.cores import usable_cores
from biasfree.engines.engine import Engine, EngineError
from biasfree.engines.onnx_engine import OnnxEngine
from service.access.access import Access
from service.analysis.analyst import AnalysisLimits, Analyst
from service.analysis.entry import prepare
from service.analysis.options import AnalysisOptions
from service.denoising.backend import Backends
from service.denoising.classical import ClassicalModels
from service.denoising.networks import Networks
from service.denoising.options import DenoiseOptions
from service.errors import InferenceFailed
from service.http.body_limit import BodyLimit
from service.http.in_progress import Follow, InProgress
from service.http.key_gate import SCHEMES, KeyGate
from service.http.last_handler import LastHandler
from service.http.problems import REASONS, install
from service.http.public_path import PublicPath
from service.http.request_log import RequestLog, is_unremarked
from service.http.room_gate import Gate
from service.http.security_headers import SecurityHeaders
from service.http.templates import Templates
from service.imaging import ImageLimits
from service.model_store import load_models
from service.queue.batch_queue import BatchQueue
from service.queue.golden import check_golden, measure_rate_px_s
from service.queue.heap import trim
from service.queue.policy import BatchPolicy, Lane
from service.queue.priority import give_way
from service.queue.self_check import SelfCheck
from service.routes import analyze, denoise, docs, health, metrics, models, page, requests
from service.routes.denoise_schemas import KEY_ERRORS, problem_responses
from service.sandbox.bulkhead import Bulkhead
from service.sandbox.confine import Confinement
from service.settings import Settings
from service.state import ServiceState
from service.telemetry.device_memory import device_memory
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import Traces

log = logging.getLogger(__name__)

DESCRIPTION = """\
Removes noise of any kind and level from images of any size, bit depth and range. The network has no additive
constants, so it is exactly `f(y) = A_y y` and generalises to noise levels that it never saw.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents.
"""

#: Pixels of one batch. On a CPU a batch of tiles is no faster than one after the other once each has 256 x 256 pixels.
BATCH_PIXELS = {"cpu": 2**16, "cuda": 2**20}

#: Paths of the denoising route.
DENOISE_PATHS = ("/denoise", "/v1/denoise")

#: Parameters whose values a trace may tell.
KNOWN_QUERY = (*DenoiseOptions.model_fields, *AnalysisOptions.model_fields)

#: Beside what every page may send and read.
CORS_REQUEST_HEADERS = ("Authorization", "X-API-Key", "X-Request-Id", "Content-Type", "Traceparent", "Tracestate")
CORS_ANSWER_HEADERS = (
    "X-Request-Id",
    "X-Model",
    "X-Sigma-Estimate",
    "X-Estimated-PSNR",
    "X-Estimated-PSNR-Withheld",
    "X-Noise",
    "X-Warning",
    "Server-Timing",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "WWW-Authenticate",
)


def create_app(service: ServiceState) -> FastAPI:
    """Build the application around a started service, which it drains at its end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if service.settings.analysis_enabled and analyze.installed():
            service.analyst.bulkhead.warm()
        service.self_check.start()
        yield
        service.draining.set()
        service.self_check.stop()
        await service.analyst.bulkhead.end()
        for backend in service.backends:
            await backend.end()
        service.codecs.shutdown()
        if service.traces is not None:
            await asyncio.to_thread(service.traces.end)

    app = FastAPI(
        title="biasfree",
        version=version("biasfree"),
        description=DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_telemetry(service),
    )
    app.state.service = service
    app.state.in_progress = InProgress()
    install(app)
    docs.install(app)
    guarded = _guarded(service)
    app.include_router(denoise.router, **guarded)
    app.include_router(denoise.router, prefix="/v1", include_in_schema=False)
    if service.settings.analysis_enabled:
        app.include_router(analyze.router, **guarded)
        app.include_router(analyze.router, prefix="/v1", include_in_schema=False)
    app.include_router(models.router, **guarded)
    app.include_router(requests.router, **guarded)
    app.include_router(health.router)
    app.include_router(metrics.router, **guarded)
    page.install(app, enabled=service.settings.page_enabled)
    app.add_middleware(Follow, paths=DENOISE_PATHS, in_progress=app.state.in_progress)
    app.add_middleware(BodyLimit, limit=service.settings.max_body_bytes)
    app.add_middleware(Gate, paths=DENOISE_PATHS, require_room=service.require_room)
    app.add_middleware(KeyGate, access=service.access)
    app.add_middleware(LastHandler)
    app.add_middleware(PublicPath, root_path=service.settings.root_path)
    if service.settings.cors_origins:
        # Around everything, so that a page can read also what is refused; without cookies, which mean nothing here.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=service.settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=CORS_REQUEST_HEADERS,
            expose_headers=CORS_ANSWER_HEADERS,
        )
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog, metrics=service.metrics, templates=Templates(app.routes))
    return app


def _telemetry(service: ServiceState) -> TelemetryConfig:
    """FastAPI makes the span of the request, from the caller's ``traceparent`` where it sends one, and nothing else."""
    return {
        "tracer_provider": None if service.traces is None else service.traces.provider,
        "tracing": service.traces is not None,
        "metrics": False,
        # They hold the words of exceptions, and with them perhaps what is in an image.
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
        "exclude": is_unremarked,
    }


def _guarded(service: ServiceState) -> dict[str, Any]:
    """Return what the OpenAPI document says of routes that need a key, where keys are on."""
    if service.access is None:
        return {}
    return {"dependencies": SCHEMES, "responses": problem_responses(KEY_ERRORS)}


def start(settings: Settings, *, engine: Engine | None = None, traces: Traces | None = None) -> ServiceState:
    """Load the models, check them on the device, and start its queue.

    Args:
        settings: What the operator chose.
        engine: The device; by default ONNX Runtime on ``settings.device``.
        traces: Where spans go; by default nowhere.

    Raises:
        ArtifactError: A model file is not whole.
        DeviceUnavailable: The device asked for is not there.
        EngineError: The device does not compute what a model's card says.
        KeysError: The file of API keys cannot be used.
    """
    loaded = load_models(settings.models_dir)
    engines = _engines(loaded, settings) if engine is None else {Lane.EXPRESS: engine}
    cards = {name: model.card for name, model in loaded.items()}
    for each in engines.values():
        for card in cards.values():
            check_golden(each, card)
    engine = engines[Lane.EXPRESS]
    policy = BatchPolicy(
        budget_px=settings.batch_pixels or BATCH_PIXELS[engine.device],
        limit_s=settings.queue_limit_s,
        rates_px_s={name: measure_rate_px_s(engine, card) for name, card in cards.items()},
        express_px=settings.express_pixels if Lane.BULK in engines else None,
    )
    # What loading and checking left behind: 185 MB with the shipped models.
    for each in engines.values():
        each.release()
    trim()
    classical = _classical(settings, engine.device, taken=cards)
    counted = Metrics(models=[*cards, *classical.names], reasons=REASONS)
    queue = BatchQueue(engines, policy, on_batch=counted.batch)
    # Before the device's threads: a file that cannot be read leaves none behind.
    access = Access.of(settings, expected_s=lambda: queue.state.predicted_s)
    queue.start()
    log.info("ready: models %s on %s", ", ".join(sorted(cards)), engine.device)
    self_check = SelfCheck(queue, cards, interval_s=settings.self_check_interval_s, patience_s=settings.timeout_s)
    networks = Networks(
        queue,
        loaded,
        tile_side=settings.tile_side,
        timeout_s=settings.timeout_s,
        drift=lambda: self_check.drift,
    )
    backends = Backends(networks, classical)
    service = ServiceState(
        settings=settings,
        device=engine.device,
        queue=queue,
        backends=backends,
        limits=ImageLimits(max_pixels=settings.max_pixels, max_frames=settings.max_frames),
        codecs=ThreadPoolExecutor(settings.codec_threads, thread_name_prefix="biasfree-codec"),
        analyst=_analyst(settings, backends, networks, engine.device),
        self_check=self_check,
        metrics=counted,
        draining=Event(),
        access=access,
        traces=traces,
    )
    counted.describe(loaded, device=engine.device, engine=settings.engine)
    counted.watch(
        lambda: queue.state,
        limit_s=settings.queue_limit_s,
        memory=lambda: device_memory(service.device),
        ready=lambda: service.ready,
    )
    return service


def _engines(loaded: Mapping[str, Artifact], settings: Settings) -> dict[Lane, Engine]:
    """Return the device for each lane. On a CPU bulk has threads of its own, that give way; a GPU's tiles are short."""
    express = _engine(loaded, settings)
    if express.device != "cpu":
        return {Lane.EXPRESS: express}
    with ThreadPoolExecutor(1, initializer=give_way) as lower:
        bulk = lower.submit(_engine, loaded, settings, bulk=True).result()
    return {Lane.EXPRESS: express, Lane.BULK: bulk}


def _engine(loaded: Mapping[str, Artifact], settings: Settings, *, bulk: bool = False) -> Engine:
    if settings.engine == "onnxruntime":
        return OnnxEngine(loaded, device=settings.device, threads=settings.threads, bulk=bulk)
    try:
        from biasfree.engines.openvino_engine import OpenVinoEngine
    except ModuleNotFoundError as exc:
        raise EngineError("BIASFREE_ENGINE=openvino, but it is not installed: pip install '.[openvino]'") from exc
    return OpenVinoEngine(loaded, threads=settings.threads, precision=settings.precision)


def _confinement(settings: Settings, device: str) -> Confinement:
    """Return the limits of an analysis and of a classical model, which are equal: they share idle processes."""
    return Confinement(
        threads=settings.analysis_threads or usable_cores(),
        # CUDA maps far more memory than it uses.
        memory_bytes=settings.analysis_memory_bytes if device == "cpu" else None,
    )


def _classical(settings: Settings, device: str, *, taken: Collection[str]) -> ClassicalModels:
    bulkhead = Bulkhead(
        waiting=settings.classical_queue,
        timeout_s=settings.timeout_s,
        confinement=_confinement(settings, device),
        what="classical denoiser",
        failed=InferenceFailed,
    )
    return ClassicalModels(bulkhead, max_pixels=settings.classical_max_pixels, taken=taken)


def _analyst(settings: Settings, backends: Backends, networks: Networks, device: str) -> Analyst:
    bulkhead = Bulkhead(
        waiting=settings.analysis_queue,
        timeout_s=settings.analysis_timeout_s,
        confinement=_confinement(settings, device),
        prepare=prepare,
    )
    limits = AnalysisLimits(
        max_k=settings.analysis_max_k,
        max_pixels=settings.analysis_max_pixels,
        # The other half is for torch itself, the network and the figure.
        memory_bytes=settings.analysis_memory_bytes // 2,
    )
    return Analyst(bulkhead, backends, networks, limits, device=device)
