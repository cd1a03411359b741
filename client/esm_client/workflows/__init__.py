"""Work that needs a registry and the laboratory: what commands call, and notebooks too."""
