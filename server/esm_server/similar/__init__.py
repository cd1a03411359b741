"""Finding sources that are near to one, or to some texts."""
