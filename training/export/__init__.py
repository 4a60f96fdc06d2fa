"""Export of a training run, or of a released checkpoint, to an ONNX file with its card."""
