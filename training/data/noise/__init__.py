"""Realistic noise, one part per module, and the mixture of all parts: clean patches in, training pairs out."""

from training.data.noise.draw import Draw
from training.data.noise.mixture import NoiseMixture
from training.data.noise.pair import Pair

__all__ = ["Draw", "NoiseMixture", "Pair"]
