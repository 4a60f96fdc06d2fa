# %% [markdown]
# # Denoise a photograph, and look at what was done
#
# A notebook as a script: editors run it cell by cell, `python examples/look_inside.py` as a whole. It needs a service
# (`make serve`, or `BIASFREE_URL`) and the client with its extra `plot`; figures go to the folder that is named last.

# %%
import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from biasfree_client import BiasfreeError, Denoiser

SIDE = 24
parser = argparse.ArgumentParser(description="Denoise a photograph, and look at what was done.")
parser.add_argument("image", type=Path, help=f"a clean photograph, at least {SIDE} x {SIDE} pixels")
parser.add_argument("output", type=Path, nargs="?", default=Path(), help="folder for the figures; by default this one")
arguments = parser.parse_args()
IMAGE, OUTPUT = arguments.image, arguments.output
try:
    photograph = Image.open(IMAGE)
    photograph.load()
except OSError as exc:
    parser.error(f"cannot read {IMAGE}: {exc.strerror or exc}")
if photograph.mode.startswith(("I", "F")):
    parser.error(f"{IMAGE} has more than 8 bits per channel: save it with 8")
if min(photograph.size) < SIDE:
    parser.error(f"{IMAGE} has {photograph.width} x {photograph.height} pixels: it needs at least {SIDE} x {SIDE}")
try:
    denoiser = Denoiser()
    denoiser.models()
except BiasfreeError as exc:
    parser.error(f"no service: {exc}; start one with `make serve`, or set BIASFREE_URL")
OUTPUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# A clean gray photograph, and noise of a standard deviation that nobody tells the service.

# %%
clean = np.asarray(photograph.convert("L"), np.float32) / 255
noise = np.random.default_rng(0).standard_normal(clean.shape, np.float32)
noisy = {sigma: clean + np.float32(sigma / 255) * noise for sigma in (10, 25, 50, 100)}


def psnr_db(image: np.ndarray) -> float:
    """Against the clean photograph."""
    return float(-10 * np.log10(np.mean((np.clip(image, 0, 1) - clean) ** 2)))


# %%
figure = Figure(figsize=(12, 6), layout="constrained")
for column, (sigma, image) in enumerate(noisy.items()):
    result = denoiser.denoise(image, estimate=True)
    print(f"sigma {sigma}: estimated {result.sigma:.1f}; {psnr_db(image):.2f} -> {psnr_db(result.array):.2f} dB")
    for row, (shown, name) in enumerate(((image, f"sigma {sigma}"), (result.array, f"found {result.sigma:.1f}"))):
        axes = figure.add_subplot(2, len(noisy), 1 + column + row * len(noisy))
        axes.imshow(shown, cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"{name}, {psnr_db(shown):.1f} dB", size=10)
        axes.set_axis_off()
figure.savefig(OUTPUT / "denoised.png", dpi=80)

# %% [markdown]
# The network is a matrix that depends on the image. Its singular values at a patch say how much it keeps: the effective
# dimensionality d falls as the noise grows.

# %%
top, left = ((length - SIDE) // 2 for length in clean.shape)
analyses = {sigma: denoiser.analyze(image, x=left, y=top, size=SIDE, k=4) for sigma, image in noisy.items()}

figure = Figure(figsize=(10, 4), layout="constrained")
spectrum, dimensions = figure.subplots(1, 2)
for sigma, analysis in analyses.items():
    print(f"sigma {sigma}: d = {analysis.effective_dimensionality:.1f} of {SIDE**2}")
    spectrum.semilogy(analysis.singular_values, label=f"sigma {sigma}")
spectrum.set(xlabel="i", ylabel="singular value", ylim=(1e-4, 10))
spectrum.legend()
dimensions.loglog([*analyses], [each.effective_dimensionality for each in analyses.values()], "o-")
dimensions.set(xlabel="sigma", ylabel="effective dimensionality d")
figure.savefig(OUTPUT / "dimensionality.png", dpi=80)

# %%
analyses[25].plot().savefig(OUTPUT / "analysis.png", dpi=80)
analyses[25].save(OUTPUT / "analysis.npz", overwrite=True)
