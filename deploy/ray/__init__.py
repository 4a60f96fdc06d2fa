"""The service as a Ray Serve application: the same engine, queue and routes in every replica (docs/ray.md)."""
