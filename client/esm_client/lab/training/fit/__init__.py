"""Fitting a map to pairs of base and fine-tuned embeddings of the same texts."""
