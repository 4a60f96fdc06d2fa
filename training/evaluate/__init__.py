"""Evaluation: the quality of denoisers on images with known noise, and the accuracy of the service's estimates."""
