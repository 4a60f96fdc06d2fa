"""Failures that operators fear, tried on real servers on loopback: ``python -m bench.failures``."""
