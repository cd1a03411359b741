"""`python -m esm_server.cli` is `esm-server`."""

from esm_server.cli.entry import main

if __name__ == "__main__":
    main()
