"""Measurements of speed and memory: ``make bench`` runs all of them and writes ``bench/results``.

Contestants of one row alternate within one run, and what is compared is the ratio of medians: the times themselves
belong to the machine.
"""
