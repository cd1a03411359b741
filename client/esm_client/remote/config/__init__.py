"""Addresses, tokens and folders that this user chose."""
