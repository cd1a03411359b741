"""What client and server agree on: errors, wire contract, spaces, artifacts, kernels."""
