"""Ten small synthetic text tasks: nine sources and one held-out target.

The target, restaurant reviews, is a near relative of one source only, hotel reviews:
other words, the same notion of sentiment. A good ranking puts that source first.
"""
