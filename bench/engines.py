"""Benchmarks of the engine alone: the shipped network against the paper's, classical denoisers, engines, settings."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import onnxruntime
from scipy.signal import wiener
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

from bench.images import Photograph, noisy_photograph
from bench.quality import SIGMAS_255, loss_at_db, psnr_loss_db
from bench.rows import Row, race
from biasfree.artifact import INPUT, OUTPUT, SHIPPED, Artifact
from biasfree.engines.cores import usable_cores
from biasfree.engines.engine import DeviceUnavailable
from biasfree.engines.onnx_engine import OnnxEngine
from biasfree.engines.openvino_engine import OpenVinoEngine

SIDE, ROUNDS = 512, 7
#: Images per turn: for the first one, the caches are in the state the other contestant left.
IMAGES = 8
#: Noise level, with white at 1.
SIGMA = 25 / 255
#: The paper's network, 20 layers of 64 features, with its real weights: small random ones make denormal numbers, for
#: which some processors take many times as long.
PAPER, WANTED = "gray-dncnn", {"gray": "at least 8"}

CLASSICAL: Mapping[str, Callable[[Photograph], object]] = {
    "wavelets, BayesShrink (scikit-image)": lambda image: denoise_wavelet(image, rescale_sigma=True),
    "non-local means (scikit-image)": lambda image: denoise_nl_means(image, h=0.8 * SIGMA, sigma=SIGMA),
    "total variation (scikit-image)": lambda image: denoise_tv_chambolle(image, weight=0.1),  # type: ignore[no-untyped-call]  # it has no types
    "Wiener (SciPy)": lambda image: wiener(image, 5, SIGMA**2),
}

#: Alternatives to the chosen settings, which are ONNX Runtime's defaults with one thread per core.
SETTINGS: Mapping[str, Callable[[onnxruntime.SessionOptions], None]] = {
    "threads that do not spin": lambda options: options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    ),
    "no arena": lambda options: setattr(options, "enable_cpu_mem_arena", False),
    "no memory patterns": lambda options: setattr(options, "enable_mem_pattern", False),
    "one thread": lambda options: setattr(options, "intra_op_num_threads", 1),
}


def rows() -> Iterator[Row]:
    """Measure megapixels per second at 512 x 512, with contestants taking turns."""
    models = {path.stem: Artifact.load(path) for path in SHIPPED.glob("*.onnx")}
    engine, image = OnnxEngine(models, device="cpu"), noisy_photograph(SIDE, SIDE)
    gray = partial(engine.run, "gray", image[None, None])
    paper = partial(engine.run, PAPER, image[None, None])
    for name in sorted(set(models) - {PAPER}):
        batch = np.repeat(image[None, None], models[name].card.channels, axis=1)
        ours = partial(engine.run, name, batch)
        yield _row(f"{name} / {PAPER}, the paper's", ours, paper, wanted=WANTED.get(name, ""), rounds=3)
    yield from _openvino(models, gray, image)
    for name, denoise in CLASSICAL.items():
        yield _row(f"the shipped gray network / {name}", gray, partial(denoise, image), rounds=3)
    for name, change in SETTINGS.items():
        yield _row(
            f"ONNX Runtime as the service sets it / {name}", gray, _session(models["gray"].content, image, change)
        )
    four = np.repeat(image[None, None], 4, axis=0)
    together = partial(engine.run, "gray", four)
    yield _row("four images one by one / in one batch", lambda: [gray() for _ in four], together, images=len(four))


def _row(
    what: str,
    ours: Callable[[], object],
    other: Callable[[], object],
    *,
    wanted: str = "",
    rounds: int = ROUNDS,
    images: int = 1,
) -> Row:
    """Race two calls that each denoise a number of ``images``."""
    calls = IMAGES // images
    mine, theirs, ratio = race(_repeated(ours, calls), _repeated(other, calls), rounds=rounds)
    mpx = IMAGES * SIDE**2 / 1e6
    return Row(what, f"{mpx / mine:.3g} Mpx/s", f"{mpx / theirs:.3g} Mpx/s", ratio, wanted)


def _repeated(call: Callable[[], object], times: int) -> Callable[[], object]:
    return lambda: [call() for _ in range(times)]


def _session(
    content: bytes, image: Photograph, change: Callable[[onnxruntime.SessionOptions], None] = lambda _: None
) -> Callable[[], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 3
    change(options)
    session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda: session.run([OUTPUT], {INPUT: image[None, None]})


def _openvino(models: Mapping[str, Artifact], gray: Callable[[], object], image: Photograph) -> Iterator[Row]:
    """Measure the optional engine in each precision that this processor supports, and the loss of quality."""
    for precision in ("float32", "bfloat16"):
        try:
            engine = OpenVinoEngine(models, precision=precision)
        except DeviceUnavailable as exc:
            yield Row(f"OpenVINO, {precision}", f"not available: {exc}")
            continue
        call = partial(engine.run, "gray", image[None, None])
        yield _row(f"OpenVINO, {precision} / ONNX Runtime", call, gray)
        reference = OnnxEngine(models, device="cpu")
        levels = ", ".join(map(str, SIGMAS_255))
        for name, model in sorted(models.items()):
            what = f"PSNR that {name} loses by OpenVINO, {precision}"
            loss = psnr_loss_db(reference, engine, model.card)
            yield Row(
                f"{what}: largest mean over photographs at sigma {levels}", f"{loss:.4f} dB", wanted="below 0.02 dB"
            )
            yield Row(f"{what}: without noise", f"{loss_at_db(reference, engine, model.card, 0):.4f} dB")
