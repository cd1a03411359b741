"""ESMs and their versions."""
