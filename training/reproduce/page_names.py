"""Names of the pages that ``reproduce`` makes. Imports nothing heavy: the command line needs it at once."""

from enum import StrEnum


class PageName(StrEnum):
    """Modules of this package, each with a function ``page``; ``all`` stands for every one of them."""

    NOISE = "noise"
    GENERALISATION = "generalisation"
    BIAS = "bias"
    SPECTRUM = "spectrum"
    FILTERS = "filters"
    LAYERS = "layers"
    ALL = "all"
