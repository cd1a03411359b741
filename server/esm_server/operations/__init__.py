"""What an operator does to a registry as a whole; runs beside its server unless it says not."""
