"""The ways in which a registry's surroundings break."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from faults.backends import Backends
from faults.world import World
from support.postgres import Postgres
from support.relay import Answer, Asked, Relay
from support.s3 import RunningS3

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
TMPFS = ("mount", "-t", "tmpfs", "-o", f"size={48 * 2**20}", "tmpfs")
Fault = Callable[[World], None]


def kill_the_server(world: World) -> None:
    """kill -9 at a random moment."""
    world.kill_the_server()


def may_mount() -> bool:
    """Whether this user may mount file systems."""
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run([*TMPFS, folder], capture_output=True).returncode == 0
        if made:
            subprocess.run(["umount", folder], check=True)
    return made


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A real file system with little room."""
    folder.mkdir(parents=True)
    subprocess.run([*TMPFS, str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_the_disk(world: World) -> None:
    """Hardly a byte is free for a while, then there is room again."""
    balloon = world.folder / "registry" / "balloon"

    def fill() -> None:
        left = world.rng.choice((0, 4096, 65536, 500_000))
        state = os.statvfs(balloon.parent)
        size = max(0, state.f_bavail * state.f_frsize - left)
        with balloon.open("wb") as file, suppress(OSError):  # others fill it meanwhile
            os.posix_fallocate(file.fileno(), 0, size or 1)
        time.sleep(world.rng.uniform(0.2, 1.5))
        balloon.unlink()

    world.break_beside(fill, before=1.0, after=0.2)
    world.sweep().wait()


def clock_env(folder: Path) -> dict[str, str]:
    """A server whose clock reads what a file says."""
    clock = folder / "clock"
    folder.mkdir(parents=True, exist_ok=True)
    clock.write_text("+0")
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def move_the_clock(world: World) -> None:
    """Hours or a year ahead or back, in the middle of everything, with a sweep after it."""
    clock = world.folder / "clock"

    def jump() -> None:
        hours = world.rng.choice((-9000, -30, -1, 1, 30, 9000))
        clock.write_text(f"{hours:+d}h")
        world.sweep("24h").wait()

    world.break_beside(jump, before=1.0, after=0.5)


def kill_the_database(world: World) -> None:
    """kill -9 of PostgreSQL, and its start on what it has left on disk."""
    _kill(world, world.backends.database)


def kill_the_store(world: World) -> None:
    """kill -9 of the S3 server, and its start on what it has left on disk."""
    _kill(world, world.backends.storage)


def _kill(world: World, server: Postgres | RunningS3 | None) -> None:
    assert server is not None

    def restart() -> None:
        server.kill()
        time.sleep(world.rng.uniform(0, 1))
        server.start()

    world.break_beside(restart, before=1.5, after=0.5)


@contextmanager
def relayed(backends: Backends) -> Iterator[dict[str, str]]:
    """A relay before the S3 server, for `answer_wrongly`; the server's environment with it."""
    assert backends.storage is not None
    backends.relay = Relay(backends.storage.endpoint)
    backends.relay.keep_host = True
    try:
        yield {"ESM_SERVER_S3_ENDPOINT": backends.relay.url}
    finally:
        backends.relay.close()


def answer_wrongly(world: World) -> None:
    """For a while, a third of what the store is asked fails, stalls, breaks off or is spoiled."""
    relay, rng = world.backends.relay, world.rng
    assert relay is not None

    def spoil(asked: Asked, forward: Callable[[], Answer]) -> Answer | None:
        if rng.random() < 0.67:
            return forward()
        kind = rng.choice(("500", "503", "slow", "closed", "short", "flipped", "sent flipped"))
        if kind in ("500", "503"):
            return Answer(int(kind), b"<Error><Code>SlowDown</Code></Error>")
        if kind == "slow":
            time.sleep(rng.uniform(0.2, 1.5))
        if kind == "closed":
            return None
        if kind == "sent flipped" and asked.body:
            return relay.forward(replace(asked, body=_flipped(asked.body)))
        answer = forward()
        if kind == "short" and answer.body:
            return replace(answer, cut=len(answer.body) // 2)
        if kind == "flipped" and asked.method == "GET" and "?" not in asked.path:
            return answer.with_body(_flipped(answer.body)) if answer.body else answer
        return answer

    def trouble() -> None:
        relay.rule = spoil
        time.sleep(2)
        relay.rule = lambda asked, forward: forward()

    world.break_beside(trouble, before=0.5, after=0.5)


def _flipped(data: bytes) -> bytes:
    """One bit in the middle is another one."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
