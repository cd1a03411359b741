"""What the shield said of rankings, kept on the user's machine: the server knows nothing of it."""
