"""One request and its answer: retries, versions, and httpx's errors as ours."""

import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from time import sleep
from uuid import uuid4

import httpx

from esm_client import __version__
from esm_client.core.compatibility import misfit
from esm_client.core.errors import EsmError, OfflineMiss, Unauthorized
from esm_client.core.warnings import EsmWarning
from esm_client.remote.config.settings import Settings
from esm_client.remote.http.answers import error_of, not_our_server
from esm_client.remote.http.connection import open_http
from esm_client.remote.http.failures import connection_failed, is_permanent, short_reason
from esm_client.remote.http.retries import REASONS, Retries, did_nothing, says_when

Params = Mapping[str, str | int | Sequence[str]]
Content = bytes | Callable[[], Iterator[bytes]]
"""The body of a request, or what makes it: a stream must be made anew for every try."""


class VersionWarning(UserWarning):
    """Client and server have versions that do not fit."""


class Exchange:
    """One connection pool to one registry. All errors it raises are EsmErrors."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http = open_http(settings)
        self._answered = False
        self._told = False

    @property
    def url(self) -> str:
        """The registry's address."""
        return self._settings.url

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = True,
        timeout: float | None = None,
        check: bool = True,
        redirected: bool = False,
        patience: float | None = None,
    ) -> Generator[httpx.Response]:
        """Send a request, again where that may help, and close its answer at the end.

        `check`: raise the error that a refusal stands for. `redirected`: let a redirect pass.
        `patience`: seconds that it may be tried again; default: those of the settings.
        """
        if self._settings.offline:
            raise OfflineMiss(
                f"{method} {path} needs the registry, and this client is offline.",
                "Unset ESM_REGISTRY_OFFLINE or leave `offline` out; cached versions can be "
                f"pulled from {self._settings.cache_dir}.",
                parameters=("offline",),
            )

        # one name for all tries, also in the server's log
        named = {"X-Request-ID": uuid4().hex, **(headers or {})}

        def build() -> httpx.Request:
            body = content() if callable(content) else content  # fresh for every try
            request = self._http.build_request(
                method, f"{self.url}{path}", params=params, content=body, headers=named
            )
            if timeout is not None:
                request.extensions["timeout"]["read"] = max(timeout, self._settings.timeout)
            return request

        response = self._send(build, idempotent=idempotent, patience=patience)
        try:
            if check and not (response.is_success or (redirected and response.is_redirect)):
                raise self.error(response, path)
            yield response
        finally:
            response.close()

    def _send(
        self, build: Callable[[], httpx.Request], *, idempotent: bool, patience: float | None
    ) -> httpx.Response:
        # a first contact may be a typing error: that is no reason to wait for long
        wanted = self._settings.patience if patience is None else patience
        tries = Retries(self.url, wanted if self._answered else 0.0)
        while True:
            limited = False
            try:
                response = self._http.send(build(), stream=True)
            except httpx.LocalProtocolError:
                raise
            except httpx.HTTPError as cause:
                # a request that was never sent may always be sent again
                again = idempotent or isinstance(cause, httpx.ConnectError)
                pause = tries.pause() if again and not is_permanent(cause) else None
                if pause is None:
                    error = connection_failed(cause, self.url)
                    # after all tries of this request, whoever would try again need not
                    error.facts["gave_up"] = again and not is_permanent(cause)
                    raise error from cause
                reason = short_reason(cause)
            else:
                status = response.status_code
                self._compare_versions(response.headers.get("X-ESM-Registry"))
                if status not in REASONS:
                    self._answered, self._told = True, False
                    return response
                if not idempotent and not did_nothing(status, response.headers):
                    return response
                if says_when(response.headers):  # an answer of a registry, if no full one
                    self._answered, tries.patience = True, wanted
                limited = status != HTTPStatus.SERVICE_UNAVAILABLE
                pause = tries.pause(response.headers.get("Retry-After"), limited=limited)
                if pause is None:
                    return response
                response.close()
                reason = REASONS[HTTPStatus(status)]
            self._tell(tries.notice(reason, pause, limited=limited))
            sleep(pause)

    def _tell(self, notice: str | None) -> None:
        """Warn once per outage, however many requests wait for its end."""
        if notice is not None and not self._told:
            self._told = True
            warnings.warn(notice, EsmWarning, stacklevel=2)

    def _compare_versions(self, server: str | None) -> None:
        problem = misfit(__version__, server) if server else None
        if problem is not None:
            warnings.warn(problem, VersionWarning, stacklevel=2)

    def error(self, response: httpx.Response, path: str) -> EsmError:
        """The error that a refusal stands for."""
        if response.is_redirect:
            target = response.headers.get("Location", "").split("?")[0]
            return not_our_server(self.shown(path), f"a redirect to {target[:200]!r}")
        content_type = response.headers.get("Content-Type", "").split(";")[0]
        body = self.body(response)
        error = error_of(response.status_code, content_type, body, self.shown(path))
        if isinstance(error, Unauthorized) and self._settings.token is None:
            error = Unauthorized(
                error.message,
                "Pass `token`, or set ESM_REGISTRY_TOKEN.",
                variable="ESM_REGISTRY_TOKEN",
                url=self.url,
            )
        error.request_id = error.request_id or response.request.headers.get("X-Request-ID")
        return error

    def body(self, response: httpx.Response) -> bytes:
        """All of an answer; raises ConnectionFailed."""
        return b"".join(self.stream(response))

    def stream(self, response: httpx.Response) -> Iterator[bytes]:
        """An answer as it arrives; raises ConnectionFailed."""
        try:
            # as they arrive: a chunk size would hold back, and lose, what came before a break
            yield from response.iter_bytes()
        except httpx.HTTPError as cause:
            raise connection_failed(cause, self.url) from cause

    def shown(self, path: str) -> str:
        """A path as messages name it."""
        return f"{self.url}{path}"
