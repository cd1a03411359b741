"""Rankings as the user holds them: rows, tables, copies found; and ranking in a pulled space."""
