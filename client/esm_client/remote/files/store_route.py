"""The way to a registry's object store, past the registry, for as long as it works."""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus

import httpx

from esm_client.core.errors import RangeNotSatisfiable
from esm_client.remote.config.settings import Settings
from esm_client.remote.http.connection import open_store
from esm_client.remote.http.failures import connection_failed

BREAKS = 2
"""Downloads that may break before the way counts as closed."""
_LOG = logging.getLogger("esm_client")


class StoreRoute:
    """One client's way to the store; once it failed it stays closed, and nothing is lost by that.

    The registry's token never goes there: every address is signed for one object and a short while.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http: httpx.Client | None = None
        self._breaks = 0
        self.is_open = True

    def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            self._http.close()

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Generator[httpx.Response | None]:
        """A running download; None if the store does not give it. Raises RangeNotSatisfiable."""
        response = None
        with suppress(httpx.HTTPError, httpx.InvalidURL):
            if self._may(url):
                client = self._client()
                request = client.build_request("GET", url, headers=dict(headers))
                response = client.send(request, stream=True)
        if response is None:
            self._give_up("it cannot be reached")
            yield None
            return
        try:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise RangeNotSatisfiable("The file ends before that byte.", "Start again.")
            if not response.is_success:
                self._give_up(f"it answered {response.status_code}")
            yield response if response.is_success else None
        finally:
            response.close()

    def stream(self, response: httpx.Response) -> Iterator[bytes]:
        """The bytes as they arrive; raises ConnectionFailed."""
        try:
            yield from response.iter_bytes()
        except httpx.HTTPError as cause:
            self._breaks += 1
            if self._breaks >= BREAKS:
                self._give_up("connections to it break")
            host = f"{response.url.scheme}://{response.url.netloc.decode()}"
            raise connection_failed(cause, host) from cause

    def put(
        self, url: str, headers: Mapping[str, str], content: Callable[[], Iterator[bytes]],
        timeout: float,
    ) -> bool:  # fmt: skip
        """Send a signed upload; whether the store has it now."""
        with suppress(httpx.HTTPError, httpx.InvalidURL):
            if self._may(url):
                client = self._client()
                request = client.build_request("PUT", url, headers=dict(headers), content=content())
                wait = max(timeout, self._settings.timeout)
                request.extensions["timeout"]["read"] = wait
                status = client.send(request).status_code
                if status in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT):
                    return True
                self._give_up(f"it answered {status}")
                return False
        self._give_up("it cannot be reached")
        return False

    def _may(self, url: str) -> bool:
        """Never from an encrypted connection to an open one."""
        return url.startswith("https:") or not self._settings.url.startswith("https:")

    def _client(self) -> httpx.Client:
        if self._http is None:
            self._http = open_store(self._settings)
        return self._http

    def _give_up(self, reason: str) -> None:
        self.is_open = False
        _LOG.debug("bytes go over the registry from now on; its object store: %s", reason)
