"""Where blobs lie: immutable bytes named by their sha256."""
