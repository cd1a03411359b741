"""Many ESMs at once, as the user calls for them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from esm_client.core.schemas import PackResult
from esm_client.ranking.local.space import LocalSpace
from esm_client.remote.publishing.pull_space import pull_space
from esm_client.remote.publishing.push_many import push_directories
from esm_client.remote.resources.packs import PackResource
from esm_client.remote.transport import Transport


class Packs:
    """Publishing many ESMs in few requests, and pulling a whole space."""

    def __init__(self, transport: Transport) -> None:
        self._resource = PackResource(transport)

    def push(
        self, namespace: str, directories: Mapping[str, str | os.PathLike[str]], **options: Any
    ) -> list[PackResult]:
        """Publish ESM directories by name; a result for each, and no one stops another.

        options: `space` and `force` as in `Client.push`, and `progress`, told how many are done.
        Raises what concerns all of them: Forbidden, QuotaExceeded, StorageFull.
        """
        named = [(name, Path(directory)) for name, directory in directories.items()]
        return push_directories(self._resource, namespace, named, **options)

    def pull(self, space: str, folder: str | os.PathLike[str], **options: Any) -> LocalSpace:
        """Fetch what a space ranks into a folder, as far as it is not there yet.

        options: `progress`, told how many have arrived, of how many that were missing.
        `content.lost` of the answer names ESMs that the server has lost bytes of. Raises NotFound,
        InvalidInput for a folder of another space, DigestMismatch, Conflict.
        """
        return pull_space(self._resource, space, Path(folder), **options)
