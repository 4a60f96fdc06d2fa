"""From photographs to a measured model: pairs, training, evaluation."""
