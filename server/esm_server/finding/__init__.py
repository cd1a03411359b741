"""Finding ESMs: filters, text, facets, pages."""
