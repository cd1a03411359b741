"""The parts of a check, one per kind of data."""
