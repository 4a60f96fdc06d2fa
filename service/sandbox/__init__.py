"""A killable process with bounded memory, for analyses and classical denoisers."""
