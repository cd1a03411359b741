"""What the operator looks at: version, health, metrics, documentation."""
