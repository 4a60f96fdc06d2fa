"""The options of ``denoise`` and ``analyze``, declared once for both clients, ``map`` and the command line.

A new parameter of the service needs one line here, and one in ``cli/calls.py`` if the command line offers it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from biasfree_client._image import ImageLike

Parameter = str | int | float | Sequence[str]


class DenoiseOptions(TypedDict, total=False):
    """Options of ``denoise``, by their names in the query. Options that are left out or None are not sent.

    Attributes:
        strength: Blend of the input (0) and the denoised image (1); for color images, of the luminance. Defaults to 1.
        chroma_strength: The same for the color differences. Defaults to ``strength``.
        model: Name of a model. By default, or with ``auto``, the service chooses one by the channels and the noise of
            the image. With ``best``, white noise gets the best models, at four times the work; with ``fast``, any noise
            gets the fast ones, at a quarter of it.
        estimate: Estimate the level and kind of the noise, and the PSNR of the result.
        format: ``png``, ``jpeg``, ``webp``, ``bmp``, ``tiff``, ``npy``, ``avif``, ``pnm`` or ``fits``. Defaults to the
            format of the image, or if that is only read, to ``png`` or ``tiff``.
        quality: Quality of a JPEG, an AVIF or a lossy WebP, 1 to 100. A WebP is lossless without it.
        bits: 8 or 16 bits per sample in the result. Defaults to those of the image.
        output: ``image``, or ``residual`` for the noise that was removed.
        color: ``auto``, ``gray`` or ``rgb``: convert the image first.
        bit_depth: Bits per sample that are in use, if fewer than the type has.
        axes: Axes of an array, such as ``CYX`` or ``ZYX``, where its shape can be read in several ways. Those of a
            Pillow image are known.
        ensemble: 2, 4 or 8 for the mean over that many orientations of the image: better, and as many times slower.
    """

    strength: float
    chroma_strength: float | None
    model: str | None
    estimate: bool
    format: str | None
    quality: int | None
    bits: int | None
    output: str | None
    color: str | None
    bit_depth: int | None
    axes: str | None
    ensemble: int | None


class AnalyzeOptions(TypedDict, total=False):
    """Options of ``analyze`` and ``figure``. Options that are left out or None are not sent.

    Attributes:
        clean: The same image without noise, if known, for ``signal_preserved``.
        x: Column of the patch's left edge, counted from 0. Defaults to a centered patch.
        y: Row of the patch's top edge, counted from 0. Defaults to a centered patch.
        size: Side of the patch. Defaults to 40, or to the image's side if that is smaller.
        k: Singular vectors to return from each end of the spectrum. Defaults to 8.
        method: ``auto``, ``dense`` or ``iterative``.
        pixels: Pixels (column, row) whose equivalent filters to return. Defaults to the middle pixel.
        probes: Random vectors for estimates over the whole image. Defaults to none.
        frame: Page of a stack, counted from 0.
        model: Name of a model. By default, the service chooses one by the channels of the image.
        color: As for ``denoise``.
        bit_depth: As for ``denoise``.
        axes: As for ``denoise``.
    """

    clean: ImageLike | None
    x: int | None
    y: int | None
    size: int | None
    k: int | None
    method: str | None
    pixels: Sequence[tuple[int, int]]
    probes: int | None
    frame: int | None
    model: str | None
    color: str | None
    bit_depth: int | None
    axes: str | None


def check_names(method: str, options: Mapping[str, object], declared: type) -> None:
    """Refuse options that are not declared, as Python does for a function with named parameters.

    Raises:
        TypeError: An option has an unknown name.
    """
    for name in options:
        if name not in declared.__annotations__:
            raise TypeError(f"{method}() got an unexpected keyword argument {name!r}")


def denoise_query(options: DenoiseOptions) -> dict[str, Parameter]:
    """Return the query parameters of ``POST /v1/denoise``."""
    return _query({"strength": 1.0, **options})


def analyze_query(options: AnalyzeOptions) -> dict[str, Parameter]:
    """Return the query parameters of ``POST /v1/analyze``; the clean image travels in the body."""
    pixels = [f"{x},{y}" for x, y in options.get("pixels", ())]
    others = {name: value for name, value in options.items() if name not in ("clean", "pixels")}
    return _query({**others, "pixel": pixels or None})


def _query(options: Mapping[str, Any]) -> dict[str, Parameter]:
    """Leave out options that are None, and flags that are off."""
    return {name: value for name, value in options.items() if value is not None and value is not False}
