"""Small valid ESMs, and sending them over plain HTTP."""

from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from support.waiting import until

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.artifact.directory import CARD, EsmArtifact, directory_manifest
from esm_client.core.maps.affine import AffineMap
from esm_client.core.schemas import FitReport, SourceTask
from esm_client.core.shield.source import SourceSketches
from esm_client.core.spaces import CANARIES, SpaceIdentity

# An earlier edition imports this module too, which has no views.
if TYPE_CHECKING:
    from esm_client.core.maps.wide import WideMap
    from esm_client.core.views import SpaceViews


def make_esm(
    folder: Path,
    name: str = "esm",
    dimension: int = 16,
    seed: int = 0,
    *,
    space_seed: int = 0,
    with_space: bool = True,
    with_canaries: bool = True,
    base_model: str = "test-org/tiny-bert",
    data_set: str | None = None,
    card: str = "",
    rows: Sequence[Sequence[str]] = (),
    language: str | None = "en",
    views: "SpaceViews | None" = None,
) -> Path:
    """Write a small valid ESM into a folder of its own; its directory.

    ESMs of one dimension and `space_seed` share an embedding space; `rows` are the texts of the
    source, for the sketches of the shield. With views its map reads them.
    """
    rng = np.random.default_rng(seed)
    identity = SpaceIdentity(
        base_model=base_model, revision="main", pooling="mean", dimension=dimension,
        **({} if views is None else {"views": views}),
    )  # fmt: skip
    space_rng = np.random.default_rng([space_seed, dimension])
    canaries = space_rng.standard_normal((len(CANARIES), dimension))
    if views is not None:
        more = space_rng.standard_normal((len(CANARIES), views.count))
        canaries = np.hstack([canaries, more])
    esm_map = _affine(rng, dimension) if views is None else _wide(rng, identity)
    artifact = EsmArtifact(
        config=EsmConfig(
            base_model=base_model,
            task=SourceTask(
                data_set=data_set or f"test/{name}",
                text_columns=("text",),
                label_column="label",
                split="train",
                num_rows=100,
                seed=seed,
                language=language,
                kind="classification",
                num_labels=2,
            ),
            architecture=esm_map.architecture,
            dimension=dimension,
            space=identity if with_space else None,
            fit=FitReport(solver="ridge", held_out_mse=0.05, identity_mse=0.2, held_out_rows=20),
        ),
        map=esm_map,
        summary={
            **({"canaries": canaries.astype(np.float32)} if with_canaries else {}),
            **(SourceSketches.of(rows).tensors() if rows else {}),
        },
        card=card or f"# {name}\n",
        provenance={"device": "cpu", "seconds": 0.1},
    )
    return artifact.write(folder / name)


def _affine(rng: np.random.Generator, dimension: int) -> AffineMap:
    weight = np.eye(dimension) + rng.standard_normal((dimension, dimension)) / dimension
    return AffineMap(weight.astype(np.float32), rng.standard_normal(dimension).astype(np.float32))


def _wide(rng: np.random.Generator, identity: SpaceIdentity) -> "WideMap":
    from esm_client.core.maps.wide import WideMap

    shapes = (1,), (identity.dimension, 3), (identity.width, 3), (identity.dimension,)
    return WideMap(*(rng.standard_normal(shape).astype(np.float16) for shape in shapes))


def answered(send: Callable[[], httpx.Response]) -> httpx.Response:
    """What `send` is answered once the server is no longer busy, as clients ask again too."""

    def once() -> httpx.Response | None:
        answer = send()
        return None if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE else answer

    answer = until(once)
    assert answer is not None
    return answer


def upload(client: httpx.Client, directory: Path, namespace: str) -> dict[str, Any]:
    """Upload all files of a directory; the manifest as JSON."""
    manifest, _ = directory_manifest(directory)
    for name, entry in manifest.files.items():
        content = (directory / name).read_bytes()
        path = f"/v1/namespaces/{namespace}/blobs/{entry.sha256}"
        answered(partial(client.put, path, content=content)).raise_for_status()
    return manifest.model_dump(mode="json")


def publish(server: Any, directory: Path, path: str, **fields: Any) -> httpx.Response:
    """Upload a directory and publish it at `namespace/name` of a RunningRegistry; the response."""
    with server.client(server.write_token) as client:
        body: dict[str, Any] = {"manifest": upload(client, directory, path.split("/")[0])}
        body["card"] = (directory / CARD).read_text()
        fingerprint = EsmArtifact.read(directory).fingerprint
        if fingerprint is not None:
            body["fingerprint"] = fingerprint.model_dump(mode="json")
        body |= fields
        return client.post(f"/v1/esms/{path}/versions", json=body)
