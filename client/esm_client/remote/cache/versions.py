"""What a registry said about a version when it was pulled: enough to pull it again offline."""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from esm_client.core.artifact.manifest import digest_bytes, manifest_digest
from esm_client.core.disk import write_whole
from esm_client.core.document import read_any_version
from esm_client.core.references import Reference
from esm_client.core.schemas import EsmVersionDetail

LATEST = "latest"


class CachedVersion(BaseModel):
    """One remembered version, and the registry it came from."""

    server: str
    detail: EsmVersionDetail


class CachedVersions:
    """Versions below one directory: `<server>/<namespace>/<name>/<number>.json`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __iter__(self) -> Iterator[CachedVersion]:
        """All readable versions, by name and number; damaged files are skipped."""
        for path in sorted(self.directory.glob("*/*/*/*.json"), key=_by_name_and_number):
            if version := _read(path):
                yield version

    def remember(self, server: str, detail: EsmVersionDetail, *, latest: bool) -> None:
        """Keep a version, and that it was the latest one if `latest` says so."""
        folder = self._folder(server, detail.namespace, detail.name)
        folder.mkdir(parents=True, exist_ok=True)
        version = CachedVersion(server=server, detail=detail)
        write_whole(folder / f"{detail.version}.json", version.model_dump_json().encode())
        if latest:
            write_whole(folder / LATEST, f"{detail.version}\n".encode())

    def recall(self, server: str, reference: Reference) -> EsmVersionDetail | None:
        """The version as this registry last described it; None if it was never seen."""
        folder = self._folder(server, reference.namespace, reference.name)
        if reference.is_pinned:
            known = [version.detail for path in folder.glob("*.json") if (version := _read(path))]
            return next((detail for detail in known if detail.digest == reference.selector), None)
        number = reference.selector
        if number == LATEST:
            pointer = folder / LATEST
            number = pointer.read_text().strip() if pointer.is_file() else ""
        version = _read(folder / f"{number}.json") if number.isdigit() else None
        return version.detail if version else None

    def forget(self, version: CachedVersion) -> None:
        """Drop one version; `latest` then names nothing if it named this one."""
        detail = version.detail
        folder = self._folder(version.server, detail.namespace, detail.name)
        (folder / f"{detail.version}.json").unlink(missing_ok=True)

    def _folder(self, server: str, namespace: str, name: str) -> Path:
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", server)[:60]
        key = digest_bytes(server.encode()).removeprefix("sha256:")[:12]
        return self.directory / f"{readable}-{key}" / namespace / name


def _read(path: Path) -> CachedVersion | None:
    try:
        version = read_any_version(CachedVersion, path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    intact = manifest_digest(version.detail.manifest) == version.detail.digest
    return version if intact else None


def _by_name_and_number(path: Path) -> tuple[Path, int]:
    return path.parent, int(path.stem) if path.stem.isdigit() else 0
