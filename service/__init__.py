"""The HTTP service: image bytes in, denoised image bytes out."""
