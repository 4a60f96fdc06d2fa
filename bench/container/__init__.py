"""The check of the container images, ``make image-check``: it builds and starts them without a container engine."""
