"""Training data: the noise that clean photographs are given."""
