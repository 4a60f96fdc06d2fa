"""Fitting a network: recipe, training loop, validation, checkpoints."""
