"""Deployments of the service beyond a developer's machine, and measurements of them."""
