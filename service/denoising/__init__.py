"""The denoisers behind one protocol: the networks on the batch queue, and the classical methods."""
