"""One reader per format; each gives a `Table` and copies nothing anywhere."""
