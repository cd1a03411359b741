"""Around the kernels: the weights kept in memory, and scoring a whole pool."""
