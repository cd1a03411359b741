"""Running the app: one process, so that nothing outlives it, and stopping it."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from esm_client.core.errors import Unavailable
from esm_client.core.limits import MAX_JSON_BYTES
from esm_server.application import Application
from esm_server.connections.addresses import Addresses
from esm_server.connections.files import allow_connections
from esm_server.connections.watch import ConnectionBounds, ConnectionWatch
from esm_server.settings import Settings
from esm_server.system.version import server_version
from esm_server.telemetry.logs import event, start_logging

MAX_HEADER_BYTES = 32 * 2**10
"""Of an unfinished head; one that came faster may be twice as long."""
BACKLOG = 4096
"""Connections that the system takes before the server does."""
CONNECTIONS_PER_REQUEST = 4
"""How many connections an address may have for each request that it may have in progress."""
SWITCH_SECONDS = 0.0005
"""After which a thread lets another one run that waits for it. With Python's 5 ms, the event loop
waits for that long each time it has written a line of the log while a request is worked on."""
LAST_SECONDS = 10.0
"""What may be needed beyond ESM_SERVER_STOP_SECONDS to cut off requests and to close."""
_POLL_SECONDS = 0.05
_LOG = logging.getLogger("esm_server")


def run(app: Application, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM, or until another server has got the database.

    The signal lets running requests end (see docs/operations.md); a second one ends at once.
    Raises Unavailable when the app or the port fails, and because of that other server.
    """
    start_logging(app.settings.log_format, app.settings.log_level)
    warn_of_large_bodies(app.settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    version = server_version()
    event(_LOG, "start", f"esm-server {version} starts", version=version, pid=os.getpid())
    asyncio.run(_serve(app, host, port or free_port(host)))
    event(_LOG, "stop", "esm-server stopped")
    if app.owner is not None and app.owner.lost is not None:
        raise app.owner.lost


def warn_of_large_bodies(settings: Settings) -> None:
    """Say in the log that JSON bodies may be larger than needed, as earlier versions had them."""
    if settings.max_body_bytes > MAX_JSON_BYTES:
        _LOG.warning(
            "ESM_SERVER_MAX_BODY_BYTES is %d: JSON that large keeps everybody waiting while it is "
            "read; no client needs more than %d, so unset it",
            settings.max_body_bytes, MAX_JSON_BYTES,
        )  # fmt: skip


def free_port(host: str) -> int:
    """A port nobody listens on just now."""
    with _bound(host, 0) as listener:
        return listener.getsockname()[1]


def check_port(host: str, port: int) -> None:
    """Raise Unavailable when a port cannot be listened on."""
    with _bound(host, port):
        pass


async def _serve(app: Application, host: str, port: int) -> None:
    check_port(host, port)  # granian's own message for a busy port is a Rust panic
    connections = allow_connections()
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,  # where both are spoken, who has not said which has no deadline
        websockets=False,
        backlog=BACKLOG,
        backpressure=connections,
        http1_settings=HTTP1Settings(
            header_read_timeout=max(1, int(1000 * app.settings.head_seconds)),
            max_buffer_size=MAX_HEADER_BYTES,
        ),
        log_enabled=False,
    )
    asked = _asked_to_stop()
    if app.owner is not None:
        app.owner.watch(_from_a_thread(asked))
    stopping = asyncio.create_task(_stop(asked, app, server))
    announcing = asyncio.create_task(_announce(host, port))
    with _watched(app.settings, port, connections):
        await server.serve()
    announcing.cancel()
    stopping.cancel()
    if not server.interrupt_signal:  # it ended, but nobody asked for it
        raise Unavailable("The server could not start.", "The log above says why.")


def _watched(settings: Settings, port: int, connections: int) -> ConnectionWatch:
    per_address = CONNECTIONS_PER_REQUEST * settings.requests_per_address
    return ConnectionWatch(
        port,
        Addresses(settings.proxies).of_peer,
        ConnectionBounds.within(connections, per_address),
        unread_seconds=settings.unread_seconds,
    )


def _asked_to_stop() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; the second has its usual effect.

    Not by the loop's own handlers: where many threads wake the loop, asyncio loses a signal.
    """
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def note(*_: object) -> None:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(asked.set)

    for number in signals:
        signal.signal(number, note)
    return asked


def _from_a_thread(asked: asyncio.Event) -> Callable[[], None]:
    """What sets the event from another thread; nothing once this loop has ended."""
    loop = asyncio.get_running_loop()

    def ask() -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(asked.set)

    return ask


async def _stop(asked: asyncio.Event, app: Application, server: Server) -> None:
    await asked.wait()
    seconds = app.settings.stop_seconds
    event(_LOG, "stopping", f"stopping: requests have {seconds:g} s to end", seconds=seconds)
    last = threading.Timer(seconds + LAST_SECONDS, _give_up, [app])
    last.daemon = True
    last.start()
    try:
        if cut_off := await app.drain():
            _LOG.warning("%d requests did not end in time and were cut off", cut_off)
    finally:
        server.stop()


def _give_up(app: Application) -> None:
    """Something hangs. A kill loses nothing acknowledged, so it is safe to end here."""
    _LOG.warning("something did not end in time; the process ends without it")
    has_lost = app.owner is not None and app.owner.lost is not None
    os._exit(1 if has_lost else 0)  # as without the haste


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
                f"Port {port} of {host} cannot be used: {cause.strerror}.",
                "Choose another `port`.",
            ) from cause
        yield listener
