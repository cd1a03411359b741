"""Why there was no answer: the phase in which a connection failed, and what to do then."""

import errno
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from esm_client.core.errors import ConnectionFailed

_ADDRESS = "Check the address and port (`base_url` or ESM_REGISTRY_URL) and that the server runs."
_NETWORK = "Check that you are on the network or VPN of the registry."


def connection_failed(error: BaseException, url: str) -> ConnectionFailed:
    """Name `url`, the phase (DNS, TLS, refused, timeout) and the next step.

    The phase is read from the operating system's error at the end of the chain of causes.
    """
    for cause in _chain(error):
        if isinstance(cause, socket.gaierror):
            host = urlsplit(url).hostname
            return ConnectionFailed(
                f"The host {host!r} of {url} has no address (DNS).",
                "Check the spelling, and that you are on the network or VPN of the registry.",
            )
        if isinstance(cause, ssl.SSLError):
            return _tls_failed(cause, url)
        if isinstance(cause, ConnectionRefusedError):
            return ConnectionFailed(f"Connection refused: {url}.", _ADDRESS)
        if isinstance(cause, OSError) and cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return ConnectionFailed(f"There is no route to {url}.", _NETWORK)
        if isinstance(cause, TimeoutError):
            return ConnectionFailed(
                f"{url} did not answer in time (timeout).",
                f"{_NETWORK} If it is only slow, use a longer `timeout`.",
            )
    reason = str(error) or type(error).__name__
    return ConnectionFailed(
        f"The connection to {url} broke: {reason.rstrip('.')}.", f"Try again. {_NETWORK}"
    )


def short_reason(error: BaseException) -> str:
    """Why a connection failed, in a few words."""
    if any(isinstance(cause, ConnectionRefusedError) for cause in _chain(error)):
        return "connection refused"
    return "the connection broke"


def is_permanent(error: BaseException) -> bool:
    """Whether a new try would fail in the same way: an unknown host, no common TLS, a timeout."""
    kinds = (socket.gaierror, ssl.SSLError, TimeoutError)
    return any(isinstance(cause, kinds) for cause in _chain(error))


def _tls_failed(cause: ssl.SSLError, url: str) -> ConnectionFailed:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ConnectionFailed(
            f"The certificate of {url} is not trusted (TLS): {cause.verify_message}.",
            "If your organisation signs its own certificates, name its PEM file in `ca_file` or "
            "ESM_REGISTRY_CA_FILE.",
        )
    reason = (cause.reason or str(cause)).replace("_", " ").lower()
    return ConnectionFailed(
        f"No secure connection to {url} (TLS): {reason}.",
        "If the server speaks plain http, write http:// in the address.",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__
