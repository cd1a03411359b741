"""The architectures of embedding space maps, one per file, and their one file format."""
