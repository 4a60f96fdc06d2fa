"""Batches of tiles from many requests on one device."""
