"""Namespaces: who belongs to them, what they may do, how much may lie there."""
