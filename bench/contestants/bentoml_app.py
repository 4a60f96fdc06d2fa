# mypy: ignore-errors
# Imports bentoml, which only this contestant's own environment has.
"""The same network behind BentoML; served by the ``bentoml`` of ``build/bench/bentoml``.

A batchable API of BentoML takes and returns lists, which its own descriptors read from JSON or a form. The two here
read and write raw bodies, in threads beside inference. What its documentation suggests instead, a second service in
front, would pass every image on over HTTP once more.
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
# A latency above what any queue here takes: past it BentoML answers 503.
BATCHING = {"batchable": True, "max_batch_size": BATCH, "max_latency_ms": 3_600_000} if BATCH > 1 else {}


class Noisy(bentoml.IODescriptor):
    """One image from a raw body, as the batch of one that BentoML wants of a request."""

    images: list

    @classmethod
    async def from_http_request(cls, request, serde):
        """NPY or PNG to [((H, W) float32, whether PNG)]."""
        body = await request.body()
        return cls(images=[await anyio.to_thread.run_sync(decode, body)])


class Denoised(bentoml.IODescriptor):
    """The answer: one image in the format that came."""

    @classmethod
    async def to_http_response(cls, obj, serde):
        """[((H, W), whether PNG)] to NPY or PNG."""
        [(image, png)] = obj
        content = await anyio.to_thread.run_sync(encode, image, png)
        return Response(content, media_type="image/png" if png else "application/x-npy")


def decode(body):
    """NPY or PNG to (H, W), float32, and which it was."""
    if body.startswith(PNG):
        return np.asarray(Image.open(io.BytesIO(body)), np.float32) / 255, True
    return np.load(io.BytesIO(body), allow_pickle=False), False


def encode(image, png):
    """(H, W) to NPY or PNG."""
    buffer = io.BytesIO()
    if png:
        Image.fromarray(np.rint(image * 255).clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    else:
        np.save(buffer, image)
    return buffer.getvalue()


@bentoml.service(workers=1, traffic={"timeout": 3600}, logging={"access": {"enabled": False}})
class Denoise:
    """An NPY or PNG image in, the same out."""

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
        """Denoise a list in groups of one shape: padding to the largest would cost more than it saves."""
        denoised = [None] * len(images)
        for shape in {image.shape for image, _ in images}:
            of_shape = [index for index, (image, _) in enumerate(images) if image.shape == shape]
            outputs = self._run(np.stack([images[index][0] for index in of_shape]))
            for index, output in zip(of_shape, outputs, strict=True):
                denoised[index] = (output, images[index][1])
        return denoised

    def _run(self, noisy):
        return self.session.run(["denoised"], {"noisy": noisy[:, None]})[0][:, 0]
