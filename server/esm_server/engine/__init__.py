"""Around the kernels: the maps of a space kept at hand, and processes that score them."""
