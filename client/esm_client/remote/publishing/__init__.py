"""Pushing and pulling ESMs, source models and whole spaces."""
