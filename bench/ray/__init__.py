"""The trial of the Ray Serve application on a real cluster of one machine."""
