"""From a host name to an encrypted connection: each step on its own, so that it has a name."""

import socket
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from esm_client.core.checkup import Check
from esm_client.remote.config.settings import Settings
from esm_client.remote.http.connection import trusted
from esm_client.remote.http.failures import connection_failed

_CODES = {
    18: "The certificate signs itself",
    19: "The certificate signs itself",
    20: "No authority that this machine trusts has signed the certificate",
    21: "No authority that this machine trusts has signed the certificate",
    10: "The certificate has expired",
    62: "The certificate is for another host name",
}
_CA = (
    "Get the PEM file of your organisation's certificates and name it in `ca_file` or "
    "ESM_REGISTRY_CA_FILE."
)


def proxy_of(url: str) -> str | None:
    """The proxy that the environment puts in front of an address, if it does."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return None if not proxy or proxy_bypass(parts.hostname or "") else proxy


def check_proxy(settings: Settings, proxy: str | None) -> Check:
    """Whether a proxy stands in the way, and whether it can be reached."""
    if proxy is None:
        return Check("proxy", "ok", "none")
    parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    place = (parts.hostname or "", parts.port or 80)
    shown = f"{parts.hostname}:{place[1]}"  # without a password
    host = urlsplit(settings.url).hostname
    around = f"For an address inside your network, go around it: export NO_PROXY={host}"
    try:
        socket.create_connection(place, settings.timeout).close()
    except OSError as error:
        reason = error.strerror or error
        return Check("proxy", "failed", f"The proxy {shown} cannot be reached: {reason}.", around)
    return Check("proxy", "ok", f"through {shown} (HTTP_PROXY, HTTPS_PROXY or ALL_PROXY)")


def check_dns(settings: Settings) -> Check:
    """Whether the host name has an address."""
    host, port = _place(settings)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        failure = connection_failed(error, settings.url)
        return Check("DNS", "failed", failure.message, failure.hint)
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    return Check("DNS", "ok", f"{host} is {', '.join(addresses)}")


def check_tcp(settings: Settings) -> Check:
    """Whether the port takes connections."""
    try:
        socket.create_connection(_place(settings), settings.timeout).close()
    except OSError as error:
        failure = connection_failed(error, settings.url)
        return Check("TCP", "failed", failure.message, failure.hint)
    return Check("TCP", "ok", f"port {_place(settings)[1]} takes connections")


def check_tls(settings: Settings) -> Check:
    """Whether the certificate is trusted, and is for this host."""
    if settings.url.startswith("http:"):
        return Check("TLS", "ok", "none: the address is not encrypted")
    host, port = _place(settings)
    try:
        with (
            socket.create_connection((host, port), settings.timeout) as raw,
            trusted(settings).wrap_socket(raw, server_hostname=host) as secure,
        ):
            return Check("TLS", "ok", f"{secure.version()}, trusted")
    except ssl.SSLCertVerificationError as error:
        what = _CODES.get(error.verify_code, "The certificate cannot be verified")
        fix = "Ask the registry's operator for a new certificate."
        if error.verify_code in (18, 19, 20, 21):
            fix = _CA
        elif error.verify_code == 62:
            fix = f"Use the name that the certificate is for instead of {host!r}."
        return Check("TLS", "failed", f"{what} ({error.verify_message}).", fix)
    except OSError as error:
        failure = connection_failed(error, settings.url)
        return Check("TLS", "failed", failure.message, failure.hint)


def _place(settings: Settings) -> tuple[str, int]:
    parts = urlsplit(settings.url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
