"""The results of the paper's network, BF-DnCNN trained on noise from 0 to 100.

They are published in the paper or were measured with the weights that the authors released.
"""

from collections.abc import Mapping

#: Mean effective dimensionality of ten 40 x 40 patches, by sigma.
DIMENSIONALITY: Mapping[float, float] = {
    10: 347,
    20: 165,
    30: 101,
    40: 71,
    50: 54,
    60: 44,
    70: 37,
    80: 32,
    90: 29,
    100: 27,
}
#: The slope that the paper states. ``dimensionality.slope`` gives -1.14 for all ten values and -1.02 for the last six.
SLOPE = -1.02

#: Side in pixels of the patch that the following were measured on, with the same noise scaled to each level.
SIDE = 30
#: ``Measures`` by field, then by sigma.
MEASURES: Mapping[str, Mapping[float, float]] = {
    "effective_dimensionality": {10: 209.8, 30: 108.3, 100: 44.0},
    "dimensionality_share": {10: 209.8 / SIDE**2, 30: 108.3 / SIDE**2, 100: 44.0 / SIDE**2},
    "trace": {10: 294.2, 30: 156.3, 100: 79.5},
    "largest": {10: 2.15, 30: 2.08, 100: 1.65},
    "above_half": {10: 243, 30: 109, 100: 43},
    "above_tenth": {10: 609, 30: 362, 100: 183},
    "below_tenth": {10: 1 - 609 / SIDE**2, 30: 1 - 362 / SIDE**2, 100: 1 - 183 / SIDE**2},
    "symmetry_leading": {10: 0.977, 30: 0.969, 100: 0.970},
    "asymmetry": {10: 0.39, 30: 0.43, 100: 0.41},
    "signal_preserved": {10: 0.9985, 30: 0.9973, 100: 0.9922},
    "filter_sum": {10: 1.000, 30: 0.998, 100: 0.983},
    "filter_sum_deviation": {10: 0.018, 30: 0.041, 100: 0.100},
    "sigma_frobenius_255": {10: 10.2, 30: 29.4, 100: 98.6},
}
#: Nestedness, and that of a random subspace, by the higher sigma; the lower one is 10.
NESTEDNESS: Mapping[float, tuple[float, float]] = {30: (0.960, 0.23), 100: (0.949, 0.23)}
