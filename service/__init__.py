"""The HTTP service: it takes image bytes and returns denoised image bytes."""
