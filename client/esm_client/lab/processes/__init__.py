"""Worker processes that speak JSON lines over pipes."""
