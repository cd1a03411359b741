"""Talking to a registry: the client, its transport, settings and local cache."""
