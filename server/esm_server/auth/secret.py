"""Secrets of tokens: made here, kept as hashes only."""

import hashlib
import secrets

PREFIX = "esmr_"


def new_secret() -> str:
    """A secret of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def secret_hash(secret: str) -> str:
    """What is stored: with that many random bits a slow password hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()
