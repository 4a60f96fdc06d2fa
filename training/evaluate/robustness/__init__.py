"""How models do on noise that is not white: made cases, and folders of real pairs."""
