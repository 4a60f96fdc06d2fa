"""The analysis of the network's Jacobian at an image, over HTTP.

``biasfree.analysis`` computes it, and ``render`` writes the report. Both run in a separate process (``worker``) behind
a bounded queue (``service.sandbox.bulkhead``), so that an analysis can neither slow down nor stop ``/denoise``. The
service itself must not import ``worker`` or ``render``, which import torch.
"""
