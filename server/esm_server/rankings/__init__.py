"""Ranking the ESMs of a space for a target sketch, and the receipts of it."""
