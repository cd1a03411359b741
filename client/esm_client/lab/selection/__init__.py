"""Choosing intermediate tasks: one method a file, after one interface (method.py).

A target (target.py) is ranked against candidates (candidate.py): source tasks, and what is known
of each. `rank_candidates` (ranking.py) scores them by any methods at once.
"""
