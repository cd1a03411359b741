"""Whether a pushed map deserves a place: what is wrong with it, and what the policy says."""
