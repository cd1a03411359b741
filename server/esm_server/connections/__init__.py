"""Bounds for those who connect: how many requests at a time, and how long each part may take."""
