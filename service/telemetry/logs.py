"""The log: text for people, or a JSON object a line for machines."""

import logging
import warnings

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from service.settings import LogFormat, LogLevel

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

#: They log what is in an image (tags, positions, comments), some of it at the level of warnings and errors. What is
#: wrong with an image is told by the exceptions that they raise.
TALKATIVE = ("PIL", "tifffile", "imagecodecs", "python_multipart")


def configure(*, format: LogFormat, level: LogLevel) -> None:
    """Have everything logged on standard error, uvicorn's messages and warnings as well.

    Args:
        format: ``text`` or ``json``.
        level: Of the service. Below ``info`` other libraries stay at ``info``: what they say for debugging includes
            what is in requests.
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
    """Of text as people read it, or of one JSON object a line: ``time``, ``level``, ``logger``, ``message``, more."""
    if format == "text":
        return logging.Formatter(TEXT)
    return JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
        # uvicorn says everything a second time, in colour.
        reserved_attrs=[*RESERVED_ATTRS, "color_message"],
    )


def _number(level: LogLevel) -> int:
    return logging.getLevelNamesMapping()[level.upper()]
