"""The log: text for people, or one JSON object per line for machines."""

import logging
import warnings

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from service.settings import LogFormat, LogLevel

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

#: Libraries that log the content of an image (tags, positions, comments), some of it as warnings and errors. Their
#: exceptions are enough to tell what is wrong with an image.
TALKATIVE = ("PIL", "tifffile", "imagecodecs", "python_multipart")


def configure(*, format: LogFormat, level: LogLevel) -> None:
    """Log everything to standard error, including warnings and uvicorn's messages.

    Args:
        format: ``text`` or ``json``.
        level: Level of the service. Other libraries stay at ``info`` or above, since their debug messages contain the
            content of requests.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(format))
    logging.basicConfig(handlers=[handler], level=max(logging.INFO, _number(level)))
    logging.getLogger("service").setLevel(_number(level))
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        warnings.filterwarnings("ignore", module=name)
    logging.captureWarnings(True)


def formatter(format: LogFormat) -> logging.Formatter:
    """Return a formatter for text, or for JSON objects with ``time``, ``level``, ``logger``, ``message`` and more."""
    if format == "text":
        return logging.Formatter(TEXT)
    return JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
        # uvicorn adds a colored copy of every message.
        reserved_attrs=[*RESERVED_ATTRS, "color_message"],
    )


def _number(level: LogLevel) -> int:
    return logging.getLevelNamesMapping()[level.upper()]
