"""Shared fixtures: a real server process, and small valid ESM directories."""

import support.environment  # noqa: F401 - before torch, numpy and the hub are imported

# isort: split
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from servers.databases import database_setting
from servers.settings import settings_of
from servers.storage import storage_env
from sqlalchemy import text
from support.groups import pytest_collection_modifyitems  # noqa: F401 - a hook

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.maps.affine import AffineMap
from esm_client.core.schemas import FitReport, SourceTask
from esm_client.core.shield.source import SourceSketches
from esm_client.core.spaces import CANARIES, SpaceIdentity
from esm_server.auth.service import AuthService
from esm_server.db.database import Database
from esm_server.settings import Settings
from esm_server.storage.base import BlobStore
from esm_server.storage.choice import open_store

START_SECONDS = 60


class RunningRegistry:
    """A server in its own process, on a free loopback port."""

    def __init__(self, data_dir: Path, env: dict[str, str] | None = None, port: str = "0") -> None:
        self.data_dir = data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        self.log_file = data_dir / f"server-{uuid4().hex}.log"
        self.output_file = self.log_file.with_suffix(".out")
        self._env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ESM_")},
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "OMP_NUM_THREADS": "1",
            **database_setting(data_dir),
            **storage_env(data_dir),
            **(env or {}),
        }
        with self.log_file.open("wb") as log, self.output_file.open("wb") as output:
            self._process = subprocess.Popen(
                [*self.command, "serve", "--port", port, "--data-dir", str(data_dir)],
                env=self._env,
                stdout=output,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            self.url = self._wait_until_listening()
            self.admin_token = self.create_token("admin")
            self.write_token = self.create_token("write")
            self.read_token = self.create_token("read")
        except BaseException:
            self.kill()
            raise

    command = (sys.executable, "-m", "esm_server.cli")

    @property
    def store(self) -> BlobStore:
        """Its blobs, seen from beside it."""
        return open_store(self.settings)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """Processes that score for it."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(pid) for path in tasks for pid in path.read_text().split()]

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
        """Run another `esm-server` command: on the same data unless another directory is named.

        That other directory has back ends of its own, of the same kinds, unless `env` names some.
        """
        own = {**database_setting(data_dir), **storage_env(data_dir)} if data_dir else {}
        return subprocess.run(
            [*self.command, *arguments, "--data-dir", str(data_dir or self.data_dir)],
            env={**self._env, **own, **(env or {})},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def begin_command(self, *arguments: str) -> subprocess.Popen[str]:
        """An `esm-server` command on the same data, which goes on by itself."""
        return subprocess.Popen(
            [*self.command, *arguments, "--data-dir", str(self.data_dir)],
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def create_token(self, scope: str, lifetime: timedelta | None = None) -> str:
        """A new token of a new name, as `esm-server token create` makes it, but faster."""
        database = self.database()
        try:
            name = f"{scope}-{uuid4().hex[:8]}"
            return AuthService(database).create(name, scope, lifetime=lifetime)
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
        """An HTTP client that sends this token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL)

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self._process.poll() is None

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        return self._end(signal.SIGTERM)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, and do not wait for what comes of it."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit status, once it has ended."""
        return self._process.wait(START_SECONDS)

    def _end(self, number: signal.Signals) -> int:
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def _wait_until_listening(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if match := re.search(r"listening on (http://\S+)", self.output):
                return match[1]
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start: {self.output} {self.log}")


StartRegistry = Callable[..., RunningRegistry]


@pytest.fixture(name="start_registry")
def _start_registry(tmp_path: Path) -> Iterator[StartRegistry]:
    """Start private servers: start_registry(data_dir=..., env=...)."""
    started: list[RunningRegistry] = []

    def start(data_dir: Path | None = None, env: dict[str, str] | None = None) -> RunningRegistry:
        running = RunningRegistry(data_dir or tmp_path / "registry", env)
        started.append(running)
        return running

    yield start
    for running in started:
        running.kill()


@pytest.fixture(name="registry", scope="session")
def _registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """One server for the whole session; tests use names of their own in it."""
    running = RunningRegistry(tmp_path_factory.mktemp("registry"))
    yield running
    running.kill()


@pytest.fixture(name="unique")
def _unique() -> str:
    """A name nobody else uses in the shared server."""
    return f"t-{uuid4().hex[:12]}"


MakeEsm = Callable[..., Path]


@pytest.fixture(name="esm_directory")
def _esm_directory(tmp_path: Path) -> MakeEsm:
    """Write small valid ESMs: esm_directory("name", dimension=16, seed=0, ...) -> directory.

    ESMs of one dimension and `space_seed` share an embedding space; `rows` are the texts of the
    source, for the sketches of the shield.
    """

    def make(
        name: str = "esm",
        dimension: int = 16,
        seed: int = 0,
        *,
        space_seed: int = 0,
        with_space: bool = True,
        with_canaries: bool = True,
        base_model: str = "test-org/tiny-bert",
        data_set: str | None = None,
        card: str = "",
        rows: Sequence[Sequence[str]] = (),
        language: str | None = "en",
    ) -> Path:
        rng = np.random.default_rng(seed)
        shape = (len(CANARIES), dimension)
        canaries = np.random.default_rng([space_seed, dimension]).standard_normal(shape)
        weight = np.eye(dimension) + rng.standard_normal((dimension, dimension)) / dimension
        identity = SpaceIdentity(
            base_model=base_model, revision="main", pooling="mean", dimension=dimension
        )
        artifact = EsmArtifact(
            config=EsmConfig(
                base_model=base_model,
                task=SourceTask(
                    data_set=data_set or f"test/{name}",
                    text_columns=("text",),
                    label_column="label",
                    split="train",
                    num_rows=100,
                    seed=seed,
                    language=language,
                    kind="classification",
                    num_labels=2,
                ),
                dimension=dimension,
                space=identity if with_space else None,
                fit=FitReport(
                    solver="ridge", held_out_mse=0.05, identity_mse=0.2, held_out_rows=20
                ),
            ),
            map=AffineMap(
                weight.astype(np.float32), rng.standard_normal(dimension).astype(np.float32)
            ),
            summary={
                **({"canaries": canaries.astype(np.float32)} if with_canaries else {}),
                **(SourceSketches.of(rows).tensors() if rows else {}),
            },
            card=card or f"# {name}\n",
            provenance={"device": "cpu", "seconds": 0.1},
        )
        return artifact.write(tmp_path / name)

    return make
