"""What ``reproduce`` can make again, by name. Imports nothing: the command line needs it at once."""

from enum import StrEnum


class Figure(StrEnum):
    """A page: the module of that name has ``page``, which makes it."""

    NOISE = "noise"
    GENERALISATION = "generalisation"
    BIAS = "bias"
    SPECTRUM = "spectrum"
    FILTERS = "filters"
    LAYERS = "layers"
    ALL = "all"
