"""The registry server: stores embedding space maps and ranks them for a target sketch."""
