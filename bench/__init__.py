"""The measurements of speed and memory: ``make bench`` runs all of them and writes ``bench/results``.

The contestants of a row alternate within one run. Compare the ratios of medians; the times themselves depend on the
machine.
"""
