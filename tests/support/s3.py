"""A real S3 server for tests: Ceph's RADOS Gateway with one node, private, on loopback.

    python tests/support/s3.py start [DIRECTORY]    prints its variables; it runs on
    python tests/support/s3.py stop [DIRECTORY]

Needs Debian's radosgw, ceph-mon and ceph-osd. ESM_TEST_S3_ENDPOINT, _ACCESS_KEY and _SECRET_KEY
name a server that runs already instead.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from minio import Minio

PROGRAMS = ("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "ceph-authtool")
NAMED = ("ESM_TEST_S3_ENDPOINT", "ESM_TEST_S3_ACCESS_KEY", "ESM_TEST_S3_SECRET_KEY")
GIVEN = tuple(os.environ.get(name, "") for name in NAMED)
"""Read once: tests clean their environment."""
START_SECONDS = 90
DISK_BYTES = 16 * 2**30
"""A sparse file: it takes what is stored."""

CONFIGURATION = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_port}/0]
public_network = 127.0.0.0/8
ms_bind_ipv6 = false
keyring = {home}/keyring
run_dir = {home}
admin_socket = {home}/$name.asok
log_file = {home}/$name.log
mon_data = {home}/mon
osd_data = {home}/osd
bluestore_block_size = {disk}
osd_memory_target = 900000000
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 500
mon_data_avail_crit = 1
auth_allow_insecure_global_id_reclaim = false
debug_osd = 0/0
debug_bluestore = 0/0
debug_bluefs = 0/0
debug_rocksdb = 0/0
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw_data = {home}/rgw
rgw_enable_apis = s3
"""


def missing() -> str | None:
    """Why no S3 server can be had here, if so."""
    if GIVEN[0]:
        return None
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"no S3 server: {', '.join(absent)} not installed" if absent else None


class S3Server:
    """Somebody's S3 server: where it is, and what opens it."""

    def __init__(self, endpoint: str, access_key: str, secret_key: str) -> None:
        self.endpoint, self.access_key, self.secret_key = endpoint, access_key, secret_key

    def backup_env(self) -> dict[str, str]:
        """Settings of a server whose backups lie here."""
        return {
            "ESM_SERVER_BACKUP_S3_ENDPOINT": self.endpoint,
            "ESM_SERVER_BACKUP_S3_ACCESS_KEY": self.access_key,
            "ESM_SERVER_BACKUP_S3_SECRET_KEY": self.secret_key,
        }

    def client(self) -> Minio:
        """The vendor's client, which bypasses our code."""
        host = self.endpoint.partition("://")[2]
        return Minio(
            host, self.access_key, self.secret_key, region="us-east-1",
            secure=self.endpoint.startswith("https:"),
        )  # fmt: skip

    def create_bucket(self) -> str:
        """A new bucket; its name."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        self.client().make_bucket(name)
        return name

    def remove_bucket(self, name: str) -> None:
        """Wipe a bucket and all that is in it."""
        client = self.client()
        for found in client.list_objects(name, recursive=True):
            client.remove_object(name, found.object_name or "")
        client.remove_bucket(name)

    def env(self, bucket: str, prefix: str = "") -> dict[str, str]:
        """The variables that put a registry's blobs into a bucket."""
        return {
            "ESM_SERVER_S3_ENDPOINT": self.endpoint,
            "ESM_SERVER_S3_BUCKET": bucket,
            "ESM_SERVER_S3_ACCESS_KEY": self.access_key,
            "ESM_SERVER_S3_SECRET_KEY": self.secret_key,
            "ESM_SERVER_S3_PREFIX": prefix,
        }

    def stop(self) -> None:
        """It is not ours to stop."""


STARTED: list[subprocess.Popen[bytes]] = []
"""Kept, since a process that is forgotten while it runs is a warning; these outlive their test."""


class RunningS3(S3Server):
    """A server of our own in a directory; what it stores outlives a stop and a kill."""

    def __init__(self, home: Path, *, detached: bool = False) -> None:
        self.home = home.absolute()
        self._detached = detached
        known = self.home / "server.json"
        if known.exists():
            facts = json.loads(known.read_text())
            self._port = int(facts.pop("port"))
        else:
            self._port = _free_port()
            facts = {"access_key": secrets.token_hex(8), "secret_key": secrets.token_hex(20)}
        super().__init__(f"http://127.0.0.1:{self._port}", **facts)
        if not known.exists():
            self._create()
            known.write_text(json.dumps({"port": self._port, **facts}))
        else:
            self.start()

    def start(self) -> None:
        """Start all three processes on what is there; wait until S3 answers."""
        self._launch("mon", "ceph-mon", "-f", "-i", "a")
        self._launch("osd", "ceph-osd", "-f", "-i", "0")
        self._launch("rgw", "radosgw", "-f", "-n", "client.rgw")
        self._wait()

    def stop(self) -> None:
        """End it in peace."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to all of it, as a power cut would."""
        self._end(signal.SIGKILL)

    def _create(self) -> None:
        self.home.mkdir(parents=True, mode=0o700, exist_ok=True)
        for name in ("mon", "osd", "rgw"):
            (self.home / name).mkdir()
        fsid, osd, mon_port = str(uuid.uuid4()), str(uuid.uuid4()), _free_port()
        configuration = CONFIGURATION.format(
            fsid=fsid, mon_port=mon_port, port=self._port, home=self.home, disk=DISK_BYTES
        )
        (self.home / "ceph.conf").write_text(configuration)
        keyring, monmap = self.home / "keyring", self.home / "monmap"
        for number, (name, mon) in enumerate(
            [("client.admin", "allow *"), ("mon.", "allow *"), ("osd.0", "allow profile osd"),
             ("client.rgw", "allow *")]
        ):  # fmt: skip
            create = ["--create-keyring"] if number == 0 else []
            caps = ["--cap", "mon", mon, "--cap", "osd", "allow *"]
            self._run("ceph-authtool", keyring, *create, "--gen-key", "-n", name, *caps)
        address = f"[v2:127.0.0.1:{mon_port}]"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
        self._run("ceph-mon", *self._conf, "--mkfs", "-i", "a", "--monmap", monmap)
        self._launch("mon", "ceph-mon", "-f", "-i", "a")
        self._run("ceph", *self._conf, "osd", "create", osd)
        self._run("ceph-osd", *self._conf, "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._launch("osd", "ceph-osd", "-f", "-i", "0")
        self._launch("rgw", "radosgw", "-f", "-n", "client.rgw")
        self._wait()
        keys = [f"--access-key={self.access_key}", f"--secret-key={self.secret_key}"]
        user = ["user", "create", "--uid=test", "--display-name=test"]
        self._run("radosgw-admin", *self._conf, "-n", "client.rgw", *user, *keys)

    @property
    def _conf(self) -> tuple[str, ...]:
        return "-c", str(self.home / "ceph.conf")

    def _run(self, program: str, *arguments: object) -> None:
        with (self.home / "setup.log").open("ab") as log:
            subprocess.run(
                [program, *map(str, arguments)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=True, timeout=60,
            )  # fmt: skip

    def _launch(self, role: str, program: str, *arguments: str) -> None:
        (self.home / f"{role}.pid").unlink(missing_ok=True)
        # without this a test run that is killed would leave its servers behind
        bound = [] if self._detached else ["setpriv", "--pdeathsig", "KILL"]
        with (self.home / f"{role}.out").open("ab") as log:
            process = subprocess.Popen(
                [*bound, program, *self._conf, *arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        STARTED.append(process)
        (self.home / f"{role}.pid").write_text(str(process.pid))

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            if len(list(self._alive())) < 3:
                break
            time.sleep(0.1)
        self.kill()
        raise RuntimeError(f"the S3 server did not start: see {self.home}")

    def _alive(self) -> Iterator[int]:
        """The processes that run, the gateway first."""
        for role in ("rgw", "osd", "mon"):
            file = self.home / f"{role}.pid"
            pid = int(file.read_text()) if file.exists() else 0
            if pid and _runs(pid, str(self.home)):
                yield pid

    def _end(self, number: signal.Signals) -> None:
        for pid in list(self._alive()):
            os.kill(pid, number)
            deadline = time.monotonic() + 20
            while _runs(pid, str(self.home)):
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)


def open_server(home: Path) -> S3Server:
    """The server that the environment names, or one of our own in a directory."""
    return S3Server(*GIVEN) if GIVEN[0] else RunningS3(home)


def _runs(pid: int, home: str) -> bool:
    """Whether a process is one of ours that has not ended; reaps it if it has."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        command = Path(f"/proc/{pid}/cmdline").read_text()  # empty while it is just starting
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" and (not command or home in command)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main() -> None:
    """Start or stop a server that outlives this command."""
    home = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.gettempdir()) / "esm-test-s3"
    if sys.argv[1:2] == ["start"]:
        server = RunningS3(home, detached=True)
        values = (server.endpoint, server.access_key, server.secret_key)
        print(
            "\n".join(f"export {name}={value}" for name, value in zip(NAMED, values, strict=True))
        )
    elif sys.argv[1:2] == ["stop"]:
        server = RunningS3.__new__(RunningS3)
        server.home = home.absolute()
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
