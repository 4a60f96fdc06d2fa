"""What an operator fears, done to real servers on loopback: ``python -m bench.failures``."""
