"""The ways in which a registry's surroundings break."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from faults.world import World

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
DISK_BYTES = 48 * 2**20
Fault = Callable[[World], None]


def kill_the_server(world: World) -> None:
    """kill -9 at a random moment."""
    world.kill_the_server()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A real file system with little room; raises PermissionError without the right to mount."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        raise PermissionError("mounting a small file system needs root")
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
    database = world.backends.database
    assert database is not None

    def restart() -> None:
        database.kill()
        time.sleep(world.rng.uniform(0, 1))
        database.start()

    world.break_beside(restart, before=1.5, after=0.5)


def kill_the_store(world: World) -> None:
    """kill -9 of the S3 server, and its start on what it has left on disk."""
    storage = world.backends.storage
    assert storage is not None

    def restart() -> None:
        storage.kill()
        time.sleep(world.rng.uniform(0, 1))
        storage.start()

    world.break_beside(restart, before=1.5, after=0.5)
