"""Running the app: one process, so that nothing outlives it."""

import asyncio
import fcntl
import logging
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar.types import ASGIApp

from esm_client.core.errors import Unavailable

MAX_HEADER_BYTES = 32 * 2**10
_POLL_SECONDS = 0.05


def run(app: ASGIApp, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; raises Unavailable when the app or the port fails."""
    _log_to_stderr()
    asyncio.run(_serve(app, host, port or free_port(host)))


def free_port(host: str) -> int:
    """A port nobody listens on just now."""
    with _bound(host, 0) as listener:
        return listener.getsockname()[1]


@contextmanager
def exclusive(data_dir: Path) -> Generator[None]:
    """Own a data directory; raises Unavailable when another server does. A kill releases it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise Unavailable(
                f"Another esm-server uses {data_dir}.", "Stop it, or name another --data-dir."
            ) from cause
        yield


async def _serve(app: ASGIApp, host: str, port: int) -> None:
    with _bound(host, port):  # granian's own message for a busy port is a Rust panic
        pass
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        http1_settings=HTTP1Settings(max_buffer_size=MAX_HEADER_BYTES),
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    announcing = asyncio.create_task(_announce(host, port))
    await server.serve()
    announcing.cancel()
    if not server.interrupt_signal:  # it ended, but nobody asked for it
        raise Unavailable("The server could not start.", "The log above says why.")


async def _announce(host: str, port: int) -> None:
    """Say the address once somebody could really connect to it."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(_POLL_SECONDS)
        else:
            writer.close()
            shown = f"[{host}]" if ":" in host else host
            print(f"listening on http://{shown}:{port}", flush=True)  # noqa: T201
            return


@contextmanager
def _bound(host: str, port: int) -> Generator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as cause:
            raise Unavailable(
                f"Port {port} of {host} cannot be used: {cause.strerror}.", "Choose another --port."
            ) from cause
        yield listener


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("esm_server").setLevel(logging.INFO)
