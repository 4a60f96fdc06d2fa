"""What runs the service elsewhere than on a developer's machine, and what is measured of it there."""
