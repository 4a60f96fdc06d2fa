"""Every setting, read once from ``BIASFREE_*`` environment variables."""

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

#: Variables with our prefix that are the client's.
CLIENT_VARIABLES = frozenset({"BIASFREE_URL", "BIASFREE_API_KEY"})


#: What a browser sends as ``Origin``.
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?|https?://\[[0-9a-f:]+\](:\d+)?")


class Settings(BaseSettings):
    """What an operator may choose. The README's table is this class; a test compares them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, allow_inf_nan=False)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="Where the network runs; `cuda` refuses to start without a usable GPU, `auto` takes what is there.",
    )
    engine: Literal["onnxruntime", "openvino"] = Field(
        default="onnxruntime",
        description="What computes: `openvino` is for CPUs, and an extra (`pip install '.[openvino]'`).",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="Of the multiplications; `bfloat16` needs `openvino` and a processor that has it.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="CPU threads of one batch, and batches of small images at once; by default one for each core of "
        "the process.",
    )
    models_dir: Path | None = Field(
        default=None,
        description="Folder of further `.onnx` models, served beside the shipped ones, or in place of those with "
        "their names.",
    )
    max_body_bytes: int = Field(default=256 * MIB, ge=1, description="Largest request body in bytes.")
    max_pixels: int = Field(default=64_000_000, ge=1, description="Largest image in pixels, over all its frames.")
    max_frames: int = Field(default=256, ge=1, description="Most frames of a stack.")
    tile_side: int = Field(
        default=2304, ge=64, description="Longest side of a tile in pixels, with its halo; more is faster and larger."
    )
    batch_pixels: int | None = Field(
        default=None,
        ge=1,
        description="Pixels of one batch; one tile may exceed it. By default 65536 on a CPU, 1048576 on a GPU.",
    )
    express_pixels: int = Field(
        default=262_144,
        ge=0,
        description="On a CPU, requests up to this size do not wait for tiles of larger ones, which give way to them.",
    )
    queue_limit_s: float = Field(default=60, gt=0, description="Predicted seconds of queued work; past it, 429.")
    timeout_s: float = Field(default=300, gt=0, description="Seconds to read one request, and again to denoise it.")
    codec_threads: int = Field(default=2, ge=1, description="Images decoded or encoded at once.")
    page_enabled: bool = Field(default=True, description="Whether there is a page at `/`; without it, `/docs` instead.")
    classical_queue: int = Field(
        default=4, ge=0, description="Images that may wait while a classical model denoises one; past it, 429."
    )
    classical_max_pixels: int = Field(
        default=8_000_000, ge=1, description="Largest image of a classical model in pixels, over all its frames."
    )
    analysis_enabled: bool = Field(default=True, description="Whether there is an `/analyze`; without it, 404.")
    analysis_timeout_s: float = Field(default=120, gt=0, description="Seconds for one analysis, waiting included.")
    analysis_queue: int = Field(default=4, ge=0, description="Analyses that may wait while one runs; past it, 429.")
    analysis_threads: int | None = Field(
        default=None,
        ge=1,
        description="CPU threads of an analysis; by default one for each core of the process, at low priority.",
    )
    analysis_memory_bytes: int = Field(
        default=2048 * MIB,
        # PyTorch alone does not start with less than 300 MiB.
        ge=512 * MIB,
        description="Private memory of the process of an analysis, or of a classical model, on the CPU; past it, that "
        "one fails.",
    )
    analysis_max_k: int = Field(default=64, ge=1, description="Most singular vectors from each end of the spectrum.")
    analysis_max_pixels: int = Field(
        default=262_144,
        ge=1,
        description="Largest patch of an iterative analysis in pixels; a dense one has at most 4096 values.",
    )

    api_keys_file: Path | None = Field(
        default=None,
        description="File with an API key a line, `KEY` or `NAME:KEY`; with it everything but the probes needs one.",
    )
    key_requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Requests a minute of each holder of a key; past it, 429. By default any number.",
    )
    key_pixels_in_flight: int | None = Field(
        default=None,
        ge=1,
        description="Pixels of each holder of a key that are worked on at a time; past it, 429. By default any number.",
    )
    cors_origins: Annotated[tuple[str, ...] | None, NoDecode] = Field(
        default=None,
        description="Origins whose pages may use the service (CORS), separated by commas, or `*`; by default none.",
    )
    log_format: LogFormat = Field(
        default="text", description="Of the log: `text` for people, or `json`, an object a line."
    )
    log_level: LogLevel = Field(
        default="info", description="Least level of what is logged: `debug`, `info`, `warning`, `error` or `critical`."
    )
    self_check_interval_s: float = Field(
        default=30, gt=0, description="Seconds between two checks of the golden tiles, which `/readyz` reports."
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
                raise ValueError(f"expected * or origins such as https://example.org, without a path, got {origin!r}")
        return origins

    @model_validator(mode="after")
    def _limits_have_keys(self) -> Self:
        for name in ("key_requests_per_minute", "key_pixels_in_flight"):
            if getattr(self, name) is not None and self.api_keys_file is None:
                raise ValueError(f"expected BIASFREE_API_KEYS_FILE for {PREFIX}{name.upper()}")
        return self

    @model_validator(mode="after")
    def _engine_fits(self) -> Self:
        if self.precision == "bfloat16" and self.engine != "openvino":
            raise ValueError("expected BIASFREE_ENGINE=openvino for BIASFREE_PRECISION=bfloat16")
        if self.engine == "openvino" and self.device == "cuda":
            raise ValueError("expected BIASFREE_DEVICE=cpu or auto for BIASFREE_ENGINE=openvino, got cuda")
        return self


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Names that begin as a setting does and are none: most likely misspelt."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | CLIENT_VARIABLES
    return sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
