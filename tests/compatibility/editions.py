"""Two editions of the product, each run in processes of its own: an earlier commit's, and ours."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


def unpack(commit: str, target: Path) -> Path | None:
    """The product's files as they were at a commit; None where git does not have it."""
    source = target / "source"
    source.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        return None
    subprocess.run(["tar", "-x", "-C", source], input=archive.stdout, check=True)
    return source


def install(source: Path, target: Path) -> Path:
    """Build and install the product from its files."""
    packages = target / "packages"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", packages]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *options, source], check=True)
    return packages


@dataclass(frozen=True)
class Edition:
    """Runs what lies in `paths` as a user with this home would."""

    paths: tuple[str, ...]
    home: Path

    def python(self, *arguments: object, **variables: str) -> str:
        """Run Python, which must succeed; its stdout."""
        done = self.run(*arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python, which may fail."""
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=self._environment(variables),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )

    def server_command(self, *arguments: object) -> str:
        """Run an `esm-server` command; its stdout."""
        return self.python("-m", "esm_server.cli", *arguments)

    def serve(self, data_dir: Path, **variables: str) -> "Server":
        """Start a server on a data directory; raises RuntimeError when it does not start."""
        return Server(
            [sys.executable, "-m", "esm_server.cli", "serve", "--port", "0"]
            + ["--data-dir", str(data_dir)],
            self._environment(variables),
            data_dir,
        )

    def client(self, server: "Server", *arguments: object) -> Any:
        """Run an `esm-client` command; its JSON."""
        told = self.python(
            "-m", "esm_client.cli", *arguments, "--json",
            ESM_REGISTRY_URL=server.url, ESM_REGISTRY_TOKEN=server.token,
        )  # fmt: skip
        return json.loads(told)

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("ESM_", "COVERAGE_")) and "PROXY" not in key.upper()
        }
        return kept | {
            "PYTHONPATH": os.pathsep.join(self.paths),
            "HOME": str(self.home),
            "XDG_CACHE_HOME": "",
            "XDG_CONFIG_HOME": "",
            "OMP_NUM_THREADS": "1",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            **variables,
        }


class Server:
    """A server process on a free loopback port, and a token for it."""

    def __init__(self, command: list[str], environment: dict[str, str], data_dir: Path) -> None:
        data_dir.mkdir(exist_ok=True)
        self.output = data_dir / "server.out"
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            self.url = self._wait_until_listening()
        except BaseException:
            self.stop()
            raise
        self.token = ""

    @property
    def pid(self) -> int:
        """Of the server's own process, of which its workers are children."""
        return self._process.pid

    def _wait_until_listening(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if match := re.search(r"listening on (http://\S+)", self.output.read_text()):
                return match[1]
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start: {self.output.read_text()}")

    def stop(self) -> None:
        """SIGTERM, and wait."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(START_SECONDS)
