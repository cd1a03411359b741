"""Embedding spaces: listing them, and deciding who belongs to one."""
