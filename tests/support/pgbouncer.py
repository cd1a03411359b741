"""A PgBouncer in front of a PostgreSQL, where one is installed (ESM_TEST_PGBOUNCER names it)."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

PROGRAM = os.environ.get("ESM_TEST_PGBOUNCER") or shutil.which("pgbouncer")
SECONDS = 30
CONFIGURATION = """\
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = md5
auth_file = {folder}/users
pool_mode = {mode}
ignore_startup_parameters = options
logfile = {folder}/log
pidfile = {folder}/pid
"""


@contextmanager
def pgbouncer(url: str, mode: str) -> Iterator[str]:
    """The URL of the same database behind a pool of this mode; skips without a PgBouncer."""
    if PROGRAM is None:
        pytest.skip("no PgBouncer")
    behind = make_url(url)
    folder = Path(tempfile.mkdtemp(prefix="esm-pgbouncer-"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        own = listener.getsockname()[1]
    configuration = CONFIGURATION.format(
        host=behind.host, port=behind.port, own=own, folder=folder, mode=mode
    )
    (folder / "ini").write_text(configuration)
    (folder / "users").write_text(f'"{behind.username}" "{behind.password}"\n')
    who = {}
    if os.geteuid() == 0:  # it does not run as root
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "postgres", "postgres")
    process = subprocess.Popen(
        [PROGRAM, folder / "ini"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who
    )
    try:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", own), timeout=5).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield behind.set(host="127.0.0.1", port=own).render_as_string(hide_password=False)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
