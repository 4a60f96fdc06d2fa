"""Fitting a network: recipe, training loop, checkpoints."""
