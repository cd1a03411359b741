"""A registry process for the demo and the notebook, ended with them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running_registry(data_dir: Path) -> Iterator[tuple[str, str]]:
    """Start `esm-server serve` on a free loopback port; yields its URL and a write token."""
    server = [sys.executable, "-m", "esm_server.cli"]
    at = ["--data-dir", str(data_dir)]
    made = subprocess.run(
        [*server, "token", "create", "--user", "demo", "--scope", "write", "--json", *at],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    token = json.loads(made.stdout)["token"]
    log = (data_dir / "server.log").open("w")
    process = subprocess.Popen(
        [*server, "serve", "--port", "0", *at], stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "listening on " in line:
                yield line.split("listening on ")[1].split()[0], token
                return
        sys.exit(f"The server did not start: see {log.name}.")
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()
