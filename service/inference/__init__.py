"""Tiles of images through the network on one device, in batches."""
