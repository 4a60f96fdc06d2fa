# mypy: ignore-errors
# Imports bentoml, which is installed only in this contestant's environment.
"""The same network behind BentoML, served by the ``bentoml`` in ``build/bench/bentoml``.

A batchable API of BentoML takes and returns lists, which its own descriptors read from JSON or a form. The two
descriptors here read and write raw bodies, in threads beside inference. Its documentation suggests a second service in
front instead, which would send every image over HTTP once more.
"""

import io
import os

import anyio.to_thread
import bentoml
import numpy as np
import onnxruntime
from PIL import Image
from starlette.responses import Response

PNG = b"\x89PNG"
BATCH = int(os.environ["BENCH_BATCH"])
# A latency above that of any queue here, beyond which BentoML answers 503.
BATCHING = {"batchable": True, "max_batch_size": BATCH, "max_latency_ms": 3_600_000} if BATCH > 1 else {}


class Noisy(bentoml.IODescriptor):
    """An image from a raw body, as the batch of one that BentoML expects."""

    images: list

    @classmethod
    async def from_http_request(cls, request, serde):
        """Convert NPY or PNG to [((H, W) float32, whether PNG)]."""
        body = await request.body()
        return cls(images=[await anyio.to_thread.run_sync(decode, body)])


class Denoised(bentoml.IODescriptor):
    """The answer: one image in the format of the request."""

    @classmethod
    async def to_http_response(cls, obj, serde):
        """Convert [((H, W), whether PNG)] to NPY or PNG."""
        [(image, png)] = obj
        content = await anyio.to_thread.run_sync(encode, image, png)
        return Response(content, media_type="image/png" if png else "application/x-npy")


def decode(body):
    """Decode NPY or PNG to (H, W), float32, and tell whether it was PNG."""
    if body.startswith(PNG):
        return np.asarray(Image.open(io.BytesIO(body)), np.float32) / 255, True
    return np.load(io.BytesIO(body), allow_pickle=False), False


def encode(image, png):
    """Encode (H, W) as NPY or PNG."""
    buffer = io.BytesIO()
    if png:
        Image.fromarray(np.rint(image * 255).clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    else:
        np.save(buffer, image)
    return buffer.getvalue()


@bentoml.service(workers=1, traffic={"timeout": 3600}, logging={"access": {"enabled": False}})
class Denoise:
    """A service that takes an NPY or PNG image and returns the same format."""

    def __init__(self):
        """Load the network."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["BENCH_THREADS"])
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"]
        )

    @bentoml.api(route="/denoise", input_spec=Noisy, output_spec=Denoised, **BATCHING)
    def denoise(self, images):
        """Denoise a list in groups of one shape, since padding to the largest would cost more than it saves."""
        denoised = [None] * len(images)
        for shape in {image.shape for image, _ in images}:
            of_shape = [index for index, (image, _) in enumerate(images) if image.shape == shape]
            outputs = self._run(np.stack([images[index][0] for index in of_shape]))
            for index, output in zip(of_shape, outputs, strict=True):
                denoised[index] = (output, images[index][1])
        return denoised

    def _run(self, noisy):
        return self.session.run(["denoised"], {"noisy": noisy[:, None]})[0][:, 0]
