"""Ranking in a pulled space, without a server."""
