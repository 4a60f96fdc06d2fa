"""The Jacobian of a network at an image and its singular value decomposition. Imports torch.

``jacobian`` is the linear map, ``spectrum`` its decomposition, ``regions`` where the map holds, ``probes`` estimates
over whole images. ``analyze`` computes a ``report``; ``figure`` and ``pictures`` draw it.
"""
