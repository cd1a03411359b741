"""What a running server tells its operator: request ids, logs, metrics and traces."""
