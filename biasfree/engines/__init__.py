"""Engines that run a network on a device: ONNX Runtime and OpenVINO."""
