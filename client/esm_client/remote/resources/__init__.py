"""One class per resource of the server, one method per endpoint."""
