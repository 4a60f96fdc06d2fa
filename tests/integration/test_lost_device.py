"""The process of the service when its device's thread dies."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np

from tests.integration.images import NPY, npy

#: ``python -m service`` whose device lasts until it is given a picture that is brighter than any other.
PROGRAM = """
import numpy as np
from service import app, command
from biasfree.engines.onnx_engine import OnnxEngine

class Mortal(OnnxEngine):
    def run(self, model, batch, **options):
        if batch.max() > 1e6:
            raise SystemExit
        return super().run(model, batch, **options)

app.OnnxEngine = Mortal
command.main()
"""


def test_a_lost_device_is_answered_noticed_and_ends_the_process(stand_ins: Path) -> None:
    """503 for the request that killed it, and exit status 1 while another connection is still open."""
    settings = {"PORT": "0", "DEVICE": "cpu", "ANALYSIS_ENABLED": "false", "MODELS_DIR": str(stand_ins)}
    environment = os.environ | {f"BIASFREE_{name}": value for name, value in settings.items()}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        url = next(found[1] for line in process.stderr if (found := re.search(r"serving on (http://\S+)", line)))
        with httpx.Client(base_url=url, timeout=60) as client:
            assert client.post("/denoise", content=npy(np.ones((8, 8), np.float32)), headers=NPY).status_code == 200
            answer = client.post("/denoise", content=npy(1e7 * np.eye(8, dtype=np.float32)), headers=NPY)
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:biasfree:problem:not-ready"
            log = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 1
    assert "the device thread died; restart the service" in log
