"""Training: from photographs to noisy pairs, a network, an ONNX model and its measured quality."""
