"""Measuring denoisers on folders of images."""
