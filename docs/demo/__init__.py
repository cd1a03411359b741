"""The demo: nine small source tasks, nine ESMs, one registry, one ranking."""
