"""A space in this client's cache: pulled as far as it is missing, then there for all."""

import re
from contextlib import suppress

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.disk import disk_errors
from esm_client.core.errors import InvalidInput, NotFound, OfflineMiss
from esm_client.core.progress import Progress
from esm_client.ranking.local.space import LocalSpace
from esm_client.remote.cache.cache import HINT, Cache
from esm_client.remote.cache.folders import remove
from esm_client.remote.config.settings import Settings
from esm_client.remote.publishing.packs import Packs


def cached_space(packs: Packs, settings: Settings, space: str, progress: Progress) -> LocalSpace:
    """What a space ranks, from the cache once it is brought up to date; offline as it lies there.

    A damaged folder is pulled again. Raises NotFound, OfflineMiss, Conflict, StorageFull.
    """
    cache = Cache(settings.cache_dir)
    with (
        disk_errors(cache.spaces.directory, HINT),
        cache.spaces.writing(_name(settings, space)) as f,
    ):
        if settings.offline:
            with suppress(NotFound):
                return LocalSpace(f)
            raise OfflineMiss(
                f"The space {space} of {settings.url} is not in the cache {cache.directory}, and "
                "this client is offline.",
                f'Rank in it once while online, or pull it: `Client.packs.pull("{space}", folder)`',
                space=space,
            )
        if f.is_dir():
            try:
                LocalSpace(f)
            except NotFound:
                pass  # a pull that broke off, which goes on
            except InvalidInput:  # this cache alone wrote it
                remove(f)
        return packs.pull(space, f, progress=progress)


def _name(settings: Settings, space: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", space)[:60]
    key = digest_bytes(f"{settings.url} {space}".encode()).removeprefix("sha256:")[:12]
    return f"{readable}-{key}"
