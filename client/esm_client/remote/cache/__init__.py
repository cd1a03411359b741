"""What was pulled before, on this machine."""
