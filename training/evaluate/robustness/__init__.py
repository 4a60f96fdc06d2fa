"""Quality on noise that is not white: synthetic cases, and folders of real pairs."""
