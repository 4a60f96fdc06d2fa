"""The batch queue: batches of tiles from many requests on one device."""
