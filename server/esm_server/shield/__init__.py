"""Sketches of the rows behind ESMs, which clients compare with their target."""
