"""Checking an address and a token before they are stored."""

from dataclasses import replace

from esm_client.core.schemas import Identity, ServerInfo
from esm_client.remote.config.settings import Settings, check_token
from esm_client.remote.resources.server import ServerResource
from esm_client.remote.transport import Transport


def check_server(settings: Settings) -> ServerInfo:
    """Ask the address what it is, without showing it a token; raises NotOurServer."""
    transport = Transport(replace(settings, token=None))
    try:
        return ServerResource(transport).info()
    finally:
        transport.close()


def check_login(settings: Settings, token: str) -> Identity:
    """Whose token it is; raises Unauthorized if the server does not know it."""
    transport = Transport(replace(settings, token=check_token(token)))
    try:
        return ServerResource(transport).whoami()
    finally:
        transport.close()
