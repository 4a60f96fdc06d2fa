"""Training data: photographs, where they come from, and the noise added to them."""
