"""Large files: up, down, resumed and verified."""
