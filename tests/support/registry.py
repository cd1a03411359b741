"""A registry of a test: its data, its commands, and a server on it in a process of its own."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import text
from support import databases, storage
from support.forked import Forked, can_fork
from support.server_commands import COMMAND, SECONDS, run_here, run_process, server_env

from esm_server.auth.service import AuthService
from esm_server.db.database import Database
from esm_server.settings import Settings
from esm_server.storage.base import BlobStore
from esm_server.storage.choice import open_store

Process = subprocess.Popen[bytes] | Forked


def settings_of(data_dir: Path, env: dict[str, str]) -> Settings:
    """The settings of a server with this environment."""
    prefix = "ESM_SERVER_"
    given = {key: value for key, value in env.items() if key.startswith(prefix)}
    values = {key.removeprefix(prefix).lower(): value for key, value in given.items()}
    return Settings(**{**values, "data_dir": data_dir})


def back_ends(data_dir: Path) -> dict[str, str]:
    """The variables of the database and the store that belong to a data directory."""
    return {**databases.database_setting(data_dir), **storage.storage_env(data_dir)}


class RunningRegistry:
    """A server in its own process, on a free loopback port.

    `copy_of` another one, which is stopped: with the same content and tokens. Such a copy starts
    when it is first asked over HTTP, or by `start`: commands need no server. A SQLite database is
    laid out as its server would do it at the `first_start`, which takes a while. `before`: words
    in front of the server's command line.
    """

    forks = False
    """Whether its processes are forked from one that has imported the server, see forked.py."""

    def __init__(
        self,
        data_dir: Path,
        env: dict[str, str] | None = None,
        port: str = "0",
        *,
        copy_of: "RunningRegistry | None" = None,
        first_start: bool = False,
        before: Sequence[str] = (),
    ) -> None:
        self.data_dir = data_dir
        self._before = before
        data_dir.mkdir(parents=True, exist_ok=True)
        self.log_file = data_dir / f"server-{uuid4().hex}.log"
        self.output_file = self.log_file.with_suffix(".out")
        self._port = port
        self._url: str | None = None
        self._process: Process | None = None
        if copy_of is not None:
            storage.copy_blobs(copy_of.data_dir, data_dir)
            databases.copy_database(copy_of.data_dir, data_dir)
        own = {**back_ends(data_dir), **(env or {})}
        self._env = server_env(**own)
        if not first_start and "ESM_SERVER_DATABASE_URL" not in own:
            databases.lay_out(data_dir)
        if copy_of is not None:
            self.admin_token, self.write_token = copy_of.admin_token, copy_of.write_token
            self.read_token = copy_of.read_token
            return
        self.start()
        try:
            self.admin_token = self.create_token("admin")
            self.write_token = self.create_token("write")
            self.read_token = self.create_token("read")
        except BaseException:
            self.kill()
            raise

    def start(self) -> "RunningRegistry":
        """Start the server of a copy, unless it runs; itself."""
        if self._process is not None:
            return self
        words = ["serve", "--port", self._port, "--data-dir", str(self.data_dir)]
        self._process = self._begin(words, self._env, self.output_file, self.log_file)
        try:
            self._url = self._wait_until_listening(self._process)
        except BaseException:
            self.kill()
            raise
        return self

    @property
    def url(self) -> str:
        """Where it listens."""
        self.start()
        assert self._url is not None
        return self._url

    @property
    def store(self) -> BlobStore:
        """Its blobs, seen from beside it."""
        return open_store(self.settings)

    @property
    def pid(self) -> int:
        return self._started.pid

    @property
    def workers(self) -> list[int]:
        """Processes that score for it."""
        found: list[int] = []
        for path in Path(f"/proc/{self.pid}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # of a thread that just ended
                found += map(int, path.read_text().split())
        return found

    @property
    def output(self) -> str:
        """What the server printed to stdout."""
        return self.output_file.read_text()

    @property
    def log(self) -> str:
        """What the server wrote to stderr."""
        return self.log_file.read_text()

    @property
    def settings(self) -> Settings:
        """What it runs with."""
        return settings_of(self.data_dir, self._env)

    def run_command(
        self, *arguments: str, data_dir: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run another `esm-server` command here: on the same data unless another one is named.

        That other directory has back ends of its own, of the same kinds, unless `env` names some.
        """
        return run_here(*self._command(arguments, data_dir, env))

    def run_process(
        self, *arguments: str, data_dir: Path | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The same in a process of its own: for `serve`, and for what is about processes."""
        return run_process(*self._command(arguments, data_dir, env))

    def begin_command(self, *arguments: str) -> Process:
        """An `esm-server` command on the same data, as a process that goes on by itself."""
        nowhere = Path(os.devnull)
        return self._begin(*self._command(arguments, None, None), nowhere, nowhere)

    def create_token(self, scope: str, lifetime: timedelta | None = None) -> str:
        """A new token of a new name, as `esm-server token create` makes it, but faster."""
        database = self.database()
        try:
            name = f"{scope}-{uuid4().hex[:8]}"
            return AuthService(database).create(name, scope, lifetime=lifetime).secret
        finally:
            database.close()

    def database(self) -> Database:
        """The server's own database, for whoever closes it again."""
        return Database(self.settings.url)

    def query(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """Run one SQL statement in the server's own database; what it returns, if anything."""
        database = self.database()
        try:
            with database.write() as session:
                result: Any = session.connection().execute(text(statement), values)
                return [tuple(row) for row in result] if result.returns_rows else []
        finally:
            database.close()

    def client(self, token: str | None = None) -> httpx.Client:
        """An HTTP client that sends this token, and loads no certificates: they are no use here."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=60, trust_env=False, verify=False
        )

    def kill(self) -> None:
        """SIGKILL, as a power cut would; nothing where it never started."""
        if self._process is not None:
            self._end(signal.SIGKILL)

    @property
    def is_running(self) -> bool:
        """Whether it has started and its process has not ended."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> int:
        """SIGTERM; the exit status, 0 where it never started."""
        return 0 if self._process is None else self._end(signal.SIGTERM)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, and do not wait for what comes of it."""
        self._started.send_signal(number)

    def wait(self) -> int:
        """The exit status, once it has ended."""
        return self._started.wait(SECONDS)

    @property
    def _started(self) -> Process:
        assert self._process is not None, "its server has not been started"
        return self._process

    def _begin(
        self, words: Sequence[str], env: Mapping[str, str], stdout: Path, stderr: Path
    ) -> Process:
        if self.forks and not self._before and can_fork(env):
            return Forked(words, env, stdout, stderr)
        with stdout.open("wb") as output, stderr.open("wb") as log:
            command, nothing = [*self._before, *COMMAND, *words], subprocess.DEVNULL
            return subprocess.Popen(command, env=env, stdout=output, stderr=log, stdin=nothing)

    def _command(
        self, arguments: tuple[str, ...], data_dir: Path | None, env: dict[str, str] | None
    ) -> tuple[list[str], dict[str, str]]:
        own = back_ends(data_dir) if data_dir else {}
        words = [*arguments, "--data-dir", str(data_dir or self.data_dir)]
        return words, {**self._env, **own, **(env or {})}

    def _end(self, number: signal.Signals) -> int:
        process = self._started
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def _wait_until_listening(self, process: Process) -> str:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if match := re.search(r"listening on (http://\S+)", self.output):
                return match[1]
            if process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"the server did not start: {self.output} {self.log}")
