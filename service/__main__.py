"""``python -m service``."""

import logging
import sys

import uvicorn
from pydantic import ValidationError

from biasfree.artifact import ArtifactError
from service.app import create_app, start
from service.inference.engine import EngineError
from service.settings import Settings


def main() -> None:
    """Serve until a signal ends it. A start that is impossible is one sentence and exit status 1."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = Settings()
    except ValidationError as exc:
        for failure in exc.errors():
            name = "_".join(str(part) for part in failure["loc"]).upper()
            sys.stderr.write(f"BIASFREE_{name}: {failure['msg']}, got {failure['input']!r}\n")
        sys.exit(1)
    try:
        service = start(settings)
    except (ArtifactError, EngineError) as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(1)
    uvicorn.run(create_app(service), host=settings.host, port=settings.port)


if __name__ == "__main__":
    main()
