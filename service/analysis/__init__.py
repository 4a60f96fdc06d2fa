"""What the network did, laid open: the Jacobian at an image and its singular value decomposition.

``jacobian`` is the linear map, ``spectrum`` its decomposition, ``regions`` where it holds, ``probes`` estimates over
whole images; ``report`` gathers them, ``figure``, ``pictures`` and ``render`` show them. All of that runs in a process
of its own (``worker``), behind a bounded queue (``bulkhead``), so that nothing here can slow or end ``/denoise``.
Only ``bulkhead`` may be imported by the service itself: the rest imports torch.
"""
