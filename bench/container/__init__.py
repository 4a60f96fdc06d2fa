"""The container image, really built and really started without a container engine: ``make image-check``."""
