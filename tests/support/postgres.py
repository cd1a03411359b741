"""A private PostgreSQL from Debian's binaries; `python tests/support/postgres.py start DIRECTORY`.

It sorts text by the rules of English, not by bytes: whatever counts on bytes has to say so.
A server that is there already may be named instead: ESM_TEST_POSTGRES_URL, of a user who may
create databases.
"""

import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.engine import make_url

BINARIES = Path(os.environ.get("ESM_TEST_POSTGRES_BIN", "/usr/lib/postgresql/15/bin"))
NAMED = os.environ.get("ESM_TEST_POSTGRES_URL")
SECONDS = 60


class Postgres:
    """One cluster of its own in a directory, on a free loopback port, with a random password."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._data = directory / "data"
        if not self._data.exists():
            self._make()
        self._port = int((directory / "port").read_text())
        self.password = (directory / "password").read_text()

    @property
    def url(self) -> str:
        """Of the database everybody starts with."""
        return f"postgresql://esm:{self.password}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it; after a kill the old backends may take a moment to go."""
        options = f"-p {self._port} -h 127.0.0.1 -k {self.directory} -c max_connections=120"
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self._run("pg_ctl", "-w", "-l", str(self.directory / "log"), "-o", options, "start")
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def stop(self) -> None:
        """End it in order."""
        self._run("pg_ctl", "-w", "-m", "fast", "stop")

    def kill(self) -> None:
        """SIGKILL for all its processes, as a power cut would end them."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        backends = [int(child) for path in tasks for child in path.read_text().split()]
        for each in (pid, *backends):
            try:
                os.kill(each, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _make(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            (self.directory / "port").write_text(str(listener.getsockname()[1]))
        password = self.directory / "password"
        password.write_text(secrets.token_hex(16))
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            for path in (self.directory, password):
                shutil.chown(path, "postgres", "postgres")
        self._run(
            "initdb", "--username=esm", f"--pwfile={password}", "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US",
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}
        subprocess.run(
            [BINARIES / program, "-D", self._data, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            cwd="/",
            timeout=SECONDS,
            **(who if os.geteuid() == 0 else {}),
        )


def missing() -> str | None:
    """Why there is no PostgreSQL to test with, or None."""
    if NAMED or (BINARIES / "postgres").exists():
        return None
    return f"no PostgreSQL: neither ESM_TEST_POSTGRES_URL nor {BINARIES}"


def private() -> Postgres:
    """A started cluster of the caller's own, who kills and restarts it at will."""
    if not (BINARIES / "postgres").exists():
        pytest.skip(f"no PostgreSQL in {BINARIES}")
    cluster = Postgres(Path(tempfile.mkdtemp(prefix="esm-postgres-")))
    cluster.start()
    return cluster


def remove(cluster: Postgres) -> None:
    """End a private cluster and everything in it."""
    cluster.kill()
    shutil.rmtree(cluster.directory, ignore_errors=True)


@contextmanager
def cluster() -> Generator[Postgres]:
    """A private cluster for the block."""
    own = private()
    try:
        yield own
    finally:
        remove(own)


@cache
def shared_url() -> str:
    """The server of the whole test run; skips the test where there is none."""
    if NAMED:
        return NAMED
    cluster = private()
    atexit.register(remove, cluster)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # which would skip that
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return cluster.url


def fresh_database(url: str | None = None) -> str:
    """The URL of a new, empty database."""
    return _created(url or shared_url(), "")


def copied_database(url: str) -> str:
    """The URL of a new database with the content of another one, which nobody uses just now."""
    return _created(shared_url(), f'TEMPLATE "{make_url(url).database}"')


def _created(url: str, how: str) -> str:
    name = f"esm_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" {how}')  # pyright: ignore[reportArgumentType]
    return make_url(url).set(database=name).render_as_string(hide_password=False)


if __name__ == "__main__":
    own = Postgres(Path(sys.argv[2]).absolute())
    if sys.argv[1] == "start":
        own.start()
        print(own.url)
    else:
        own.stop()
