"""What is counted, in a Prometheus registry of one service's own."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from platform import python_version

import onnxruntime
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from biasfree.artifact import Artifact
from service.queue.ledger import QueueState
from service.telemetry.device_memory import DeviceMemory

#: From a refusal, well below a millisecond, to ``BIASFREE_TIMEOUT_S``.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
TILES = tuple(2**power for power in range(9))
#: 32 x 32 to 4096 x 4096.
PIXELS = tuple(4**power for power in range(5, 13))

#: As in ``Server-Timing``; ``analyze`` is an analysis with its waiting.
STAGES = ("decode", "queue", "infer", "encode", "analyze")


class Metrics:
    """Counters and histograms of one service.

    Args:
        models: Names of all models, so that their counters are there from the start.
        reasons: Why requests may be rejected, likewise.
    """

    def __init__(self, *, models: Iterable[str], reasons: Iterable[str]) -> None:
        # Twice as many lines, for a time that nobody asks for. The library has this switch for all registries only.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # has no annotations
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "biasfree_http_requests_total",
            "Requests by route template and status; 499 where the client left before the answer.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._duration = Histogram(
            "biasfree_http_request_duration_seconds",
            "From the head of the request to the last byte of the answer.",
            ["method", "route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._rejected = Counter(
            "biasfree_rejected_total",
            "Requests that were refused or failed, by the last part of the problem's type.",
            ["reason"],
            registry=self.registry,
        )
        self._stages = Histogram(
            "biasfree_stage_duration_seconds",
            "Time of a successful request by stage, as in its Server-Timing header.",
            ["stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._pixels = Counter(
            "biasfree_pixels_total",
            "Pixels of denoised images, over all frames, by model.",
            ["model"],
            registry=self.registry,
        )
        self._batch_tiles = Histogram(
            "biasfree_batch_tiles", "Tiles of one batch.", buckets=TILES, registry=self.registry
        )
        self._batch_pixels = Histogram(
            "biasfree_batch_pixels", "Pixels of one batch, halos included.", buckets=PIXELS, registry=self.registry
        )
        for reason in reasons:
            self._rejected.labels(reason)
        for stage in STAGES:
            self._stages.labels(stage)
        for model in models:
            self._pixels.labels(model)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request is over."""
        self._requests.labels(method, route, str(status)).inc()
        self._duration.labels(method, route).observe(seconds)

    def rejected(self, reason: str) -> None:
        """It was refused, or failed."""
        self._rejected.labels(reason).inc()

    def stages(self, timing_ms: Mapping[str, float]) -> None:
        """Where the time of a successful request went, in milliseconds by stage."""
        for stage, milliseconds in timing_ms.items():
            self._stages.labels(stage).observe(milliseconds / 1000)

    def denoised(self, model: str, pixels: int) -> None:
        """An image was denoised."""
        self._pixels.labels(model).inc(pixels)

    def batch(self, tiles: int, pixels: int) -> None:
        """A batch starts; called from the device's threads."""
        self._batch_tiles.observe(tiles)
        self._batch_pixels.observe(pixels)

    def watch(
        self,
        queue: Callable[[], QueueState],
        *,
        limit_s: float,
        memory: Callable[[], DeviceMemory | None],
        ready: Callable[[], bool],
    ) -> None:
        """Have what is true at the moment read when somebody asks.

        Args:
            queue: Its state.
            limit_s: Its bound.
            memory: Of the device; None where that is the CPU.
            ready: Whether ``/readyz`` says so.
        """
        self.registry.register(_Moment(queue, limit_s, memory, ready))

    def describe(self, models: Mapping[str, Artifact], *, device: str, engine: str) -> None:
        """Say what runs: versions, device and model files."""
        self.registry.register(_Identity(models, device, engine))


class _Moment(Collector):
    """The queue and the device's memory at the time of the scrape; the queue's numbers are of one moment."""

    def __init__(
        self,
        queue: Callable[[], QueueState],
        limit_s: float,
        memory: Callable[[], DeviceMemory | None],
        ready: Callable[[], bool],
    ) -> None:
        self._queue, self._limit_s, self._memory, self._ready = queue, limit_s, memory, ready

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked of queue or device when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One sample each."""
        state = self._queue()
        yield GaugeMetricFamily("biasfree_ready", "1 while /readyz says so, otherwise 0.", int(self._ready()))
        yield GaugeMetricFamily("biasfree_queue_jobs", "Requests with tiles that wait.", state.jobs)
        yield GaugeMetricFamily("biasfree_queue_tiles", "Tiles that wait.", state.tiles)
        yield GaugeMetricFamily(
            "biasfree_queue_pixels", "Pixels of tiles that are admitted and not done, halos included.", state.pixels
        )
        yield GaugeMetricFamily(
            "biasfree_queue_predicted_seconds", "Seconds that the admitted work will take.", state.predicted_s
        )
        yield GaugeMetricFamily(
            "biasfree_queue_limit_seconds", "Predicted seconds past which requests get 429.", self._limit_s
        )
        memory = self._memory()
        if memory is not None:
            family = GaugeMetricFamily("biasfree_device_memory_bytes", "Memory of the GPU.", labels=["state"])
            family.add_metric(["used"], memory.used)
            family.add_metric(["free"], memory.free)
            yield family


class _Identity(Collector):
    """What does not change while the service runs."""

    def __init__(self, models: Mapping[str, Artifact], device: str, engine: str) -> None:
        self._model = InfoMetricFamily("biasfree_model", "Models that are served.", labels=["model"])
        for name, model in models.items():
            self._model.add_metric([name], {"version": model.card.version, "sha256": model.sha256})
        self._build = InfoMetricFamily("biasfree_build", "What runs, and on what.")
        versions = {"version": version("biasfree"), "python": python_version(), "onnxruntime": onnxruntime.__version__}
        self._build.add_metric([], {**versions, "engine": engine, "device": device})

    def collect(self) -> Iterator[Metric]:
        """Always the same."""
        yield self._model
        yield self._build
