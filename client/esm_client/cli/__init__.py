"""The command `esm-client`: one file per command, one sink, one exit point."""
