"""The settings, read once from ``BIASFREE_*`` environment variables."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MIB = 1024**2
PREFIX = "BIASFREE_"

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]

#: Variables with this prefix that belong to the client.
CLIENT_VARIABLES = frozenset({"BIASFREE_URL", "BIASFREE_API_KEY"})


#: Values of a browser's ``Origin`` header.
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?|https?://\[[0-9a-f:]+\](:\d+)?")


class Settings(BaseSettings):
    """The settings of an operator. A test compares them with the table in docs/settings.md."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, allow_inf_nan=False)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    root_path: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="Path under which a proxy publishes the service, such as `/denoiser`; the proxy must remove it.",
    )
    keep_alive_s: float = Field(
        default=75,
        gt=0,
        description="Seconds for which an idle connection stays open; longer than a load balancer's idle timeout.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="Device of the networks. `auto` uses a GPU if there is one; `cuda` requires one to start.",
    )
    engine: Literal["onnxruntime", "openvino"] = Field(
        default="onnxruntime",
        description="Inference engine. `openvino` is for CPUs and requires an extra (`pip install '.[openvino]'`).",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="Arithmetic precision. `bfloat16` requires OpenVINO and a CPU that supports it.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="CPU threads per batch, and number of batches of small images at once. Defaults to one per core "
        "available to the process.",
    )
    models_dir: Path | None = Field(
        default=None,
        description="Folder with further `.onnx` models. They are added to the shipped models and replace those of the "
        "same name.",
    )
    max_body_bytes: int = Field(default=256 * MIB, ge=1, description="Maximum size of a request body in bytes.")
    max_pixels: int = Field(
        default=64_000_000, ge=1, description="Maximum number of pixels of an image, over all its frames."
    )
    max_frames: int = Field(default=256, ge=1, description="Maximum number of frames in a stack.")
    tile_side: int = Field(
        default=2304,
        ge=64,
        description="Longest side of a tile in pixels, halo included. Larger is faster and takes more memory.",
    )
    batch_pixels: int | None = Field(
        default=None,
        ge=1,
        description="Maximum pixels per batch; one tile may exceed it. Defaults to 65536 on a CPU, 1048576 on a GPU.",
    )
    express_pixels: int = Field(
        default=262_144,
        ge=0,
        description="On a CPU, requests with up to this number of pixels take precedence over larger ones.",
    )
    queue_limit_s: float = Field(
        default=60, gt=0, description="Maximum predicted seconds of queued work; beyond it, requests get 429."
    )
    timeout_s: float = Field(
        default=300, gt=0, description="Time limit in seconds for reading a request, and again for denoising it."
    )
    codec_threads: int = Field(default=2, ge=1, description="Number of images decoded or encoded at once.")
    page_enabled: bool = Field(
        default=True, description="Serve the web page at `/`; otherwise `/` redirects to `/docs`."
    )
    classical_queue: int = Field(
        default=4,
        ge=0,
        description="Number of images that may wait for a classical model; beyond it, requests get 429.",
    )
    classical_max_pixels: int = Field(
        default=8_000_000,
        ge=1,
        description="Maximum number of pixels of an image for a classical model, over all its frames.",
    )
    analysis_enabled: bool = Field(default=True, description="Serve `/analyze`; otherwise it returns 404.")
    analysis_timeout_s: float = Field(
        default=120, gt=0, description="Time limit in seconds for one analysis, waiting included."
    )
    analysis_queue: int = Field(
        default=4, ge=0, description="Number of analyses that may wait while one runs; beyond it, requests get 429."
    )
    analysis_threads: int | None = Field(
        default=None,
        ge=1,
        description="CPU threads per analysis, at low priority. Defaults to one per core available to the process.",
    )
    analysis_memory_bytes: int = Field(
        default=2048 * MIB,
        # PyTorch alone needs 300 MiB to start.
        ge=512 * MIB,
        description="Limit on the private memory of the process that runs an analysis or a classical model on the CPU; "
        "beyond it, that request fails.",
    )
    analysis_max_k: int = Field(
        default=64, ge=1, description="Maximum number of singular vectors from each end of the spectrum."
    )
    analysis_max_pixels: int = Field(
        default=262_144,
        ge=1,
        description="Maximum pixels in the patch of an iterative analysis; a dense one takes at most 4096 values.",
    )

    api_keys_file: Path | None = Field(
        default=None,
        description="File with one API key per line, `KEY` or `NAME:KEY`. When set, every endpoint except the health "
        "probes requires a key.",
    )
    key_requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Maximum requests per minute for each holder of a key; beyond it, 429. Defaults to no limit.",
    )
    key_pixels_in_flight: int | None = Field(
        default=None,
        ge=1,
        description="Maximum pixels in flight for each holder of a key; beyond it, 429. Defaults to no limit.",
    )
    cors_origins: Annotated[tuple[str, ...] | None, NoDecode] = Field(
        default=None,
        description="Origins whose pages may use the service (CORS), separated by commas, or `*`. Defaults to none.",
    )
    log_format: LogFormat = Field(
        default="text", description="Log format: `text` for people, or `json` with one object per line."
    )
    log_level: LogLevel = Field(
        default="info", description="Minimum log level: `debug`, `info`, `warning`, `error` or `critical`."
    )
    self_check_interval_s: float = Field(
        default=30, gt=0, description="Seconds between checks of the golden tiles, which `/readyz` reports."
    )

    @field_validator("log_format", "log_level", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(each.strip() for each in value.split(",")) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for origin in origins or ():
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is not an origin: use * or origins such as https://example.org, without a path"
                )
        return origins

    @model_validator(mode="after")
    def _limits_have_keys(self) -> Self:
        for name in ("key_requests_per_minute", "key_pixels_in_flight"):
            if getattr(self, name) is not None and self.api_keys_file is None:
                raise ValueError(f"{PREFIX}{name.upper()} requires BIASFREE_API_KEYS_FILE")
        return self

    @model_validator(mode="after")
    def _engine_fits(self) -> Self:
        if self.precision == "bfloat16" and self.engine != "openvino":
            raise ValueError("BIASFREE_PRECISION=bfloat16 requires BIASFREE_ENGINE=openvino")
        if self.engine == "openvino" and self.device == "cuda":
            raise ValueError("BIASFREE_ENGINE=openvino runs on CPUs only: use BIASFREE_DEVICE=cpu or auto")
        return self


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return the variables that have the prefix of a setting but are not one, most likely misspelled."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | CLIENT_VARIABLES
    return sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
