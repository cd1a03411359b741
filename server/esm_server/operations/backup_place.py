"""Where backups lie: a folder, or `s3://bucket/prefix`, which need not be the registry's server."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from esm_client.core.disk import write_whole
from esm_client.core.errors import InvalidInput
from esm_server.operations.backups import Backups
from esm_server.settings import Settings
from esm_server.storage.choice import backup_place, registry_place
from esm_server.storage.local import LocalBlobStore

if TYPE_CHECKING:
    from esm_server.storage.s3_client import S3Client

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+]+:/")
_BUCKET = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,62})(/(?P<prefix>[A-Za-z0-9._/-]*))?")


def backups_at(target: str, settings: Settings) -> Backups:
    """The backups of a folder or bucket; makes nothing yet.

    Raises InvalidInput for an address that cannot be used, or that is the registry's own.
    """
    if _ADDRESS.match(target) is None:
        root = Path(target)
        if root.resolve().is_relative_to(settings.data_dir.resolve()):
            raise InvalidInput(
                f"{target} is where the registry itself keeps its files.", "Name another folder."
            )
        store = LocalBlobStore(root / "blobs")
        return Backups(target, store, _Folder(root / "points"), _Folder(root / "rights"), root)
    if (match := _BUCKET.fullmatch(target)) is None:
        raise InvalidInput(
            f"{target!r} is no place for backups.", "Name a folder, or s3://BUCKET/PREFIX."
        )
    bucket, prefix = match["bucket"], (match["prefix"] or "").strip("/")
    place, own = backup_place(settings, bucket), registry_place(settings)
    same = own is not None and own.same_bucket(place)
    if same and prefix == settings.s3_prefix.strip("/"):
        raise InvalidInput(
            f"{target} is where the registry itself keeps its files.", "Name another prefix."
        )
    from esm_server.storage.s3 import S3BlobStore
    from esm_server.storage.s3_client import S3Client

    client, workplace = S3Client(place), settings.data_dir / "backup"
    store = S3BlobStore(client, prefix, workplace, workplace / "cache", 1)
    within = f"{prefix}/" if prefix else ""
    points, rights = (_Bucket(client, f"{within}{kind}/") for kind in ("points", "rights"))
    return Backups(target, store, points, rights, workplace)


class _Folder:
    """JSON files in a local folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        return [path.stem for path in self._root.glob("*.json")]

    def read(self, name: str) -> bytes:
        return (self._root / f"{name}.json").read_bytes()

    def write(self, name: str, content: bytes) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        write_whole(self._root / f"{name}.json", content)

    def remove(self, name: str) -> None:
        (self._root / f"{name}.json").unlink(missing_ok=True)


class _Bucket:
    """JSON objects under a prefix."""

    def __init__(self, client: "S3Client", prefix: str) -> None:
        self._client, self._prefix = client, prefix

    def names(self) -> list[str]:
        keys = (found.object_name or "" for found in self._client.listed(self._prefix))
        ours = (key.removeprefix(self._prefix) for key in keys if key.endswith(".json"))
        return [name.removesuffix(".json") for name in ours]

    def read(self, name: str) -> bytes:
        return self._client.get(f"{self._prefix}{name}.json")

    def write(self, name: str, content: bytes) -> None:
        self._client.put(f"{self._prefix}{name}.json", content)

    def remove(self, name: str) -> None:
        self._client.remove(f"{self._prefix}{name}.json")
