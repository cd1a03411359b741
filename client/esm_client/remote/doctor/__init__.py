"""Examining the way to a registry, step by step, and naming what to mend."""
