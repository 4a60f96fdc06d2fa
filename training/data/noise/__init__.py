"""The noise that people have, part by part, and its mixture: clean patches in, training pairs out."""

from training.data.noise.draw import Draw
from training.data.noise.mixture import NoiseMixture
from training.data.noise.pair import Pair

__all__ = ["Draw", "NoiseMixture", "Pair"]
