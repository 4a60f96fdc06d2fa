"""The metrics of one service, in its own Prometheus registry."""

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

#: As in ``Server-Timing``; ``analyze`` is an analysis including its waiting time.
STAGES = ("decode", "queue", "infer", "encode", "analyze")


class Metrics:
    """The counters and histograms of one service.

    Args:
        models: Names of all models, so that their counters exist from the start.
        reasons: Reasons for rejections, likewise.
    """

    def __init__(self, *, models: Iterable[str], reasons: Iterable[str]) -> None:
        # Creation times would double the number of lines without any use. The library's switch is global.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # has no annotations
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "biasfree_http_requests_total",
            "Requests by route template and status; 499 if the client disconnected before the answer.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._duration = Histogram(
            "biasfree_http_request_duration_seconds",
            "Seconds from the headers of the request to the last byte of the answer.",
            ["method", "route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._rejected = Counter(
            "biasfree_rejected_total",
            "Requests refused or failed, by the last part of the problem type.",
            ["reason"],
            registry=self.registry,
        )
        self._stages = Histogram(
            "biasfree_stage_duration_seconds",
            "Seconds per stage of a successful request, as in its Server-Timing header.",
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
        self._batch_tiles = Histogram("biasfree_batch_tiles", "Tiles per batch.", buckets=TILES, registry=self.registry)
        self._batch_pixels = Histogram(
            "biasfree_batch_pixels", "Pixels per batch, halos included.", buckets=PIXELS, registry=self.registry
        )
        for reason in reasons:
            self._rejected.labels(reason)
        for stage in STAGES:
            self._stages.labels(stage)
        for model in models:
            self._pixels.labels(model)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record the end of a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._duration.labels(method, route).observe(seconds)

    def rejected(self, reason: str) -> None:
        """Record a refused or failed request."""
        self._rejected.labels(reason).inc()

    def stages(self, timing_ms: Mapping[str, float]) -> None:
        """Record the milliseconds per stage of a successful request."""
        for stage, milliseconds in timing_ms.items():
            self._stages.labels(stage).observe(milliseconds / 1000)

    def denoised(self, model: str, pixels: int) -> None:
        """Record a denoised image."""
        self._pixels.labels(model).inc(pixels)

    def batch(self, tiles: int, pixels: int) -> None:
        """Record the start of a batch; called from the device threads."""
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
        """Register gauges that are read on every scrape.

        Args:
            queue: Function that returns the state of the queue.
            limit_s: Limit of the queue.
            memory: Function that returns the device's memory; None for a CPU.
            ready: Function that tells whether ``/readyz`` succeeds.
        """
        self.registry.register(_Moment(queue, limit_s, memory, ready))

    def describe(self, models: Mapping[str, Artifact], *, device: str, engine: str) -> None:
        """Register the versions, the device and the model files."""
        self.registry.register(_Identity(models, device, engine))


class _Moment(Collector):
    """A collector of the queue and the device's memory on each scrape; the queue's numbers are consistent."""

    def __init__(
        self,
        queue: Callable[[], QueueState],
        limit_s: float,
        memory: Callable[[], DeviceMemory | None],
        ready: Callable[[], bool],
    ) -> None:
        self._queue, self._limit_s, self._memory, self._ready = queue, limit_s, memory, ready

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registration does not query queue and device."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield one sample per gauge."""
        state = self._queue()
        yield GaugeMetricFamily("biasfree_ready", "1 if /readyz succeeds, otherwise 0.", int(self._ready()))
        yield GaugeMetricFamily("biasfree_queue_jobs", "Requests with waiting tiles.", state.jobs)
        yield GaugeMetricFamily("biasfree_queue_tiles", "Waiting tiles.", state.tiles)
        yield GaugeMetricFamily(
            "biasfree_queue_pixels", "Pixels of admitted tiles that are not done, halos included.", state.pixels
        )
        yield GaugeMetricFamily(
            "biasfree_queue_predicted_seconds", "Predicted seconds of admitted work.", state.predicted_s
        )
        yield GaugeMetricFamily(
            "biasfree_queue_limit_seconds", "Predicted seconds of work beyond which requests get 429.", self._limit_s
        )
        memory = self._memory()
        if memory is not None:
            family = GaugeMetricFamily(
                "biasfree_device_memory_bytes", "Memory of the GPU in bytes, by state.", labels=["state"]
            )
            family.add_metric(["used"], memory.used)
            family.add_metric(["free"], memory.free)
            yield family


class _Identity(Collector):
    """A collector of facts that do not change while the service runs."""

    def __init__(self, models: Mapping[str, Artifact], device: str, engine: str) -> None:
        self._model = InfoMetricFamily("biasfree_model", "Served models.", labels=["model"])
        for name, model in models.items():
            self._model.add_metric([name], {"version": model.card.version, "sha256": model.sha256})
        self._build = InfoMetricFamily("biasfree_build", "Versions, engine and device.")
        versions = {"version": version("biasfree"), "python": python_version(), "onnxruntime": onnxruntime.__version__}
        self._build.add_metric([], {**versions, "engine": engine, "device": device})

    def collect(self) -> Iterator[Metric]:
        """Yield the same facts every time."""
        yield self._model
        yield self._build
