"""From a training run, or a released checkpoint, to an ONNX file with its card."""
