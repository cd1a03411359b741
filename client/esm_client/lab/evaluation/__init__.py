"""The ground truth of selection, and how methods do against it.

A grid (grid.py) fine-tunes on every source, then on every target, and asks every method; its
records (records.py) are judged by the study (study.py) and shown by the report (report.py).

Using a ranking (transfer_run.py) fine-tunes on its best sources, then on the user's own target.
"""
