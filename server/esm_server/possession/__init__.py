"""Which files callers may name: a digest stands in logs and lock files, and shows nothing."""
