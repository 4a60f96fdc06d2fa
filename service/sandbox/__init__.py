"""A process that can be killed and has bounded memory, for analyses and classical denoisers."""
