"""Opening connections: whom to trust, how long to wait."""

import logging
import ssl
import sys
from functools import cache

import httpx

from esm_client import __version__
from esm_client.core.disk import disk_errors
from esm_client.core.errors import InvalidInput
from esm_client.remote.config.settings import Settings

CONNECT_TIMEOUT = 10.0
STORE_CONNECT_TIMEOUT = 3.0
"""For the object store, without which it goes as well."""


def open_http(settings: Settings) -> httpx.Client:
    """A connection pool; raises InvalidInput for an address or proxy that cannot be used."""
    headers = {"User-Agent": f"esm-registry/{__version__}", "Accept": "application/json"}
    if settings.token:
        headers["Authorization"] = f"Bearer {settings.token}"
    try:
        httpx.URL(settings.url)
        return httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(settings.timeout, connect=min(settings.timeout, CONNECT_TIMEOUT)),
            verify=trusted(settings) if settings.url.startswith("https:") else _for_proxies(),
            follow_redirects=False,  # a redirect could carry the token to another host
        )
    except (httpx.InvalidURL, ValueError, ImportError) as cause:
        raise InvalidInput(
            f"The address {settings.url} or a proxy for it cannot be used: {cause}",
            "Check the address, and the variables HTTP_PROXY, HTTPS_PROXY and ALL_PROXY.",
        ) from cause


def open_store(settings: Settings) -> httpx.Client:
    """A connection pool to the registry's object store, which never sees the token."""
    logging.getLogger("httpx").addFilter(_without_signature)  # once, however often it is added
    if not (wire := logging.getLogger("httpcore")).level:
        wire.setLevel(logging.INFO)  # it would show the headers of answers, Location among them
    timeout = httpx.Timeout(settings.timeout, connect=STORE_CONNECT_TIMEOUT)
    return httpx.Client(timeout=timeout, verify=trusted(settings), follow_redirects=False)


def _without_signature(record: logging.LogRecord) -> bool:
    """httpx logs every address, and a signed one opens the store to whoever reads the log."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            value.copy_with(query=None)
            if isinstance(value, httpx.URL) and "X-Amz-Signature" in value.params
            else value
            for value in record.args
        )
    return True


@cache
def _for_proxies() -> ssl.SSLContext:
    """For addresses without TLS: only a proxy may have a certificate. To load all takes a while."""
    return httpx.create_ssl_context()


def trusted(settings: Settings) -> ssl.SSLContext:
    """The operating system's certificates, those of httpx, and the user's own file."""
    context = httpx.create_ssl_context()
    if sys.platform in ("darwin", "win32"):  # there OpenSSL does not see the system's own store
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if settings.ca_file is not None:
        with disk_errors(settings.ca_file, "Name a file of PEM certificates."):
            directory = settings.ca_file.is_dir()
            context.load_verify_locations(
                cafile=None if directory else settings.ca_file,
                capath=settings.ca_file if directory else None,
            )
    return context
