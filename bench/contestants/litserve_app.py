# mypy: ignore-errors
# Imports litserve, which is installed only in this contestant's environment.
"""The same network behind LitServe, run with the Python in ``build/bench/litserve``.

``decode_request``, ``batch``, ``predict``, ``unbatch`` and ``encode_response`` are documented hooks. Raw bodies are not
documented: without a FastAPI dependency, LitServe reads JSON or a form, and a form would be slower.
"""

import io
import os
from typing import Annotated

import litserve
import numpy as np
import onnxruntime
from fastapi import Depends, Request, Response
from PIL import Image

PNG = b"\x89PNG"


async def raw_body(request: Request) -> bytes:
    """Return the raw body."""
    return await request.body()


class Denoise(litserve.LitAPI):
    """A service that takes an NPY or PNG image and returns the same format."""

    def setup(self, device):
        """Load the network; called in the worker process."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["BENCH_THREADS"])
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"]
        )

    def decode_request(self, request: Annotated[bytes, Depends(raw_body)], context):
        """Decode a body to (H, W), float32, and store its format in the context."""
        context["png"] = request.startswith(PNG)
        if context["png"]:
            return np.asarray(Image.open(io.BytesIO(request)), np.float32) / 255
        return np.load(io.BytesIO(request), allow_pickle=False)

    def batch(self, inputs):
        """Return the list, since images of several sizes do not fit in one array."""
        return inputs

    def predict(self, x):
        """Denoise one image, or a list in groups of one shape, which is cheaper than padding to the largest."""
        if not isinstance(x, list):
            return self._run(x[None])[0]
        denoised = [None] * len(x)
        for shape in {image.shape for image in x}:
            of_shape = [index for index, image in enumerate(x) if image.shape == shape]
            for index, image in zip(of_shape, self._run(np.stack([x[index] for index in of_shape])), strict=True):
                denoised[index] = image
        return denoised

    def unbatch(self, output):
        """Return the list unchanged."""
        return output

    def encode_response(self, output, context) -> Response:
        """Encode (H, W) as NPY or PNG."""
        buffer = io.BytesIO()
        if context["png"]:
            Image.fromarray(np.rint(output * 255).clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
            return Response(buffer.getvalue(), media_type="image/png")
        np.save(buffer, output)
        return Response(buffer.getvalue(), media_type="application/x-npy")

    def _run(self, noisy):
        return self.session.run(["denoised"], {"noisy": noisy[:, None]})[0][:, 0]


def main():
    """Serve on the port given in the environment."""
    # The window is short compared to the 0.1 s of a small image. With zero there is no window, but LitServe 0.2 spins.
    api = Denoise(max_batch_size=int(os.environ["BENCH_BATCH"]), batch_timeout=0.005, api_path="/denoise")
    # timeout=False: a request that waits for long is not a failure here. fast_queue is left out because LitServe 0.2.19
    # ignores it: it sets a field of another name.
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=False)
    server.run("127.0.0.1", int(os.environ["BENCH_PORT"]), log_level="warning", generate_client_file=False)


if __name__ == "__main__":
    main()
