"""ESMs of the published ecosystem (hf-dataset-selector): taken in from local folders, given out.

Its files are ours in all but what they leave out: the embedding space, errors, summaries.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from esm_client.core.artifact.directory import CONFIG, MODEL, EsmArtifact
from esm_client.core.artifact.summary import X_BIAS, X_RIGHT
from esm_client.core.errors import InvalidArtifact, InvalidInput
from esm_client.core.json_object import parse_object
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.wide import WideMap
from esm_client.core.schemas import Source

_CACHED = re.compile(r"models--(?P<id>[^/]+)/snapshots/(?P<revision>[^/]+)$")
_ROOTS = "models--*/snapshots/*"


@dataclass(frozen=True)
class PublishedEsm:
    """A folder that holds an ESM: of a hub's cache, or any other.

    name: a legal name of it. repository, revision: on the hub, where the path tells.
    """

    folder: Path
    name: str
    repository: str | None = None
    revision: str | None = None

    def read(self) -> EsmArtifact:
        """The ESM with where it came from; raises InvalidArtifact and its kin."""
        artifact = EsmArtifact.read(self.folder)
        origin: dict[str, Any] = {
            "repository": self.repository,
            "revision": self.revision,
            "format": artifact.config.published_version,
        }
        known = {**artifact.provenance, "imported": origin}
        source = artifact.source
        if source == Source():
            source = Source(location=artifact.config.task.data_set)
        return replace(artifact, provenance=known, source=source)


def find_published(folder: Path) -> list[PublishedEsm]:
    """All ESMs in a folder: itself, a hub's cache, or folders in it at any depth, by name.

    Of a cached repository the revision that `refs/main` names counts, or the newest. Folders
    that hold other models are passed over. Raises InvalidInput where there is none.
    """
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}.", "Check the path.")
    found: dict[str, PublishedEsm] = {}
    for place in sorted(_candidates(folder)):
        esm = _described(place)
        name, number = esm.name, 2
        while name in found:
            name, number = f"{esm.name[:90]}-{number}", number + 1
        found[name] = replace(esm, name=name)
    if not found:
        raise InvalidInput(
            f"{folder} holds no ESM.",
            f"An ESM is a folder with {CONFIG}, which names its base model, and {MODEL}.",
        )
    return list(found.values())


def as_published(artifact: EsmArtifact) -> EsmArtifact:
    """The same ESM as hf-dataset-selector reads it: a linear map.

    Of one that reads views it is another map, of the embedding alone; what was measured of the one
    does not hold of the other, so there is no report, and the card says it. Raises NeedsEmbeddings
    for a map that is not affine, InvalidArtifact for a wide one that does not say what stands for
    the views.
    """
    esm_map = artifact.map
    if not isinstance(esm_map, WideMap):
        affine = esm_map.as_affine()
        config = artifact.config.model_copy(update={"architecture": affine.architecture})
        return replace(artifact, map=affine, config=config)
    affine = _of_base(artifact, esm_map).as_affine()
    config = artifact.config.model_copy(update={"architecture": affine.architecture, "fit": None})
    return replace(artifact, map=affine, config=config, card=artifact.card + _OF_BASE)


_OF_BASE = """
## This export

What stands above is of the ESM as it was trained, which also reads views of an inner layer. This is
a linear map of the embedding alone: what it predicts of the views stands for them, so it imitates
the source model less well.
"""


def _of_base(artifact: EsmArtifact, wide: WideMap) -> LowRankMap:
    right, bias = (artifact.summary.get(name, np.empty(0)) for name in (X_RIGHT, X_BIAS))
    fits = right.shape == (wide.dimension, wide.rank) and bias.shape == wide.bias.shape
    if not (fits and np.isfinite(right).all() and np.isfinite(bias).all()):
        raise InvalidArtifact(
            "The ESM reads views of an inner layer, and does not say what may stand for them.",
            "Train it again with this version.",
        )
    return LowRankMap(wide.scale, wide.left, right, bias)


def _candidates(folder: Path) -> Iterator[Path]:
    if _is_esm(folder):
        yield folder
        return
    cached = list(folder.glob(_ROOTS)) or list(folder.glob(f"hub/{_ROOTS}"))
    if folder.name.startswith("models--"):
        cached = list(folder.glob("snapshots/*"))
    if cached:
        repositories = {place.parent.parent for place in cached}
        chosen = (_snapshot(repository) for repository in repositories)
        yield from (place for place in chosen if _is_esm(place))
        return
    yield from (path.parent for path in folder.rglob(CONFIG) if _is_esm(path.parent))


def _snapshot(repository: Path) -> Path:
    main = repository / "refs" / "main"
    if main.is_file():
        named = repository / "snapshots" / main.read_text().strip()
        if named.is_dir():
            return named
    return max((repository / "snapshots").iterdir(), key=lambda place: place.stat().st_mtime)


def _is_esm(folder: Path) -> bool:
    """Whether its config.json names a base model and a task, as an ESM's does."""
    try:
        document = parse_object((folder / CONFIG).read_bytes())
    except (OSError, ValueError):
        return False
    return "base_model_name" in document and (folder / MODEL).exists()


def _described(folder: Path) -> PublishedEsm:
    cached = _CACHED.search(folder.resolve().as_posix()) or _CACHED.search(folder.as_posix())
    if cached is None:
        return PublishedEsm(folder, _legal(folder.resolve().name))
    repository = cached["id"].replace("--", "/")
    return PublishedEsm(
        folder, _legal(repository.rpartition("/")[2]), repository, cached["revision"]
    )


def _legal(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).lstrip(".")[:96] or "esm"
