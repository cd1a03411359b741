"""An ESM artifact on disk: read, validate, write."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.artifact.manifest import build_manifest, manifest_digest
from esm_client.core.artifact.summary import FILE as SUMMARY
from esm_client.core.artifact.summary import parse_summary
from esm_client.core.disk import disk_errors
from esm_client.core.errors import (
    Conflict,
    DimensionMismatch,
    InvalidArtifact,
    TooLarge,
    UnsafeFile,
)
from esm_client.core.json_object import parse_object
from esm_client.core.limits import MAX_ARTIFACT_BYTES, MAX_CARD_BYTES, MAX_PROVENANCE_BYTES
from esm_client.core.maps.storage import EsmMap, dump_map, load_map
from esm_client.core.schemas import Manifest, Source
from esm_client.core.shield.source import SourceSketches
from esm_client.core.spaces import SpaceFingerprint
from esm_client.core.tensors import dump_tensors

CONFIG, MODEL = "config.json", "model.safetensors"
CARD, PROVENANCE, SOURCE = "README.md", "provenance.json", "source.json"
DIGESTED = (CONFIG, MODEL, SUMMARY)
UNSAFE_SUFFIXES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz"}


@dataclass(frozen=True)
class EsmArtifact:
    """A validated ESM: configuration, map and what accompanies them.

    summary: named arrays, which core.artifact.summary explains.
    """

    config: EsmConfig
    map: EsmMap
    summary: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])
    card: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    source: Source = field(default_factory=Source)

    def __post_init__(self) -> None:
        if self.map.dimension != self.config.dimension:
            raise DimensionMismatch(
                f"config.json says esm_embedding_dim {self.config.dimension}, model.safetensors "
                f"holds a map of {self.map.dimension} dimensions.",
                "Write both from the same ESM.",
            )
        if self.map.architecture != self.config.architecture:
            raise InvalidArtifact(
                f"config.json says esm_architecture {self.config.architecture!r}, "
                f"model.safetensors holds a {self.map.architecture!r} map.",
                "Write both from the same ESM.",
            )
        space = self.config.space
        if space is not None and space.dimension != self.config.dimension:
            raise DimensionMismatch(
                f"The ESM has {self.config.dimension} dimensions, its space {space.dimension}.",
                "Write both from the same base model.",
            )
        offered = self.config.dimension if space is None else space.width
        if self.map.width not in (self.config.dimension, offered):
            raise DimensionMismatch(
                f"The ESM reads {self.map.width} numbers of a text, its space has {offered}.",
                "Write both from the same base model, with the same views.",
            )

    @property
    def fingerprint(self) -> SpaceFingerprint | None:
        """The space it was trained in; None when the artifact does not say; InvalidArtifact."""
        canaries = self.summary.get("canaries")
        if self.config.space is None or canaries is None:
            return None
        try:
            return SpaceFingerprint(
                identity=self.config.space,
                weight_digest=self.provenance.get("weight_digest"),
                tokenizer_digest=self.provenance.get("tokenizer_digest"),
                canaries=tuple(tuple(row) for row in canaries.astype(np.float64).tolist()),
            )
        except ValidationError as cause:
            problem = cause.errors(include_url=False)[0]
            raise InvalidArtifact(
                f"The artifact's fingerprint cannot be used: {problem['loc'][0]}: "
                f"{problem['msg'].lower()}.",
                f"Write {SUMMARY} and {PROVENANCE} again from the base model.",
            ) from cause

    def apply(self, embeddings: Any) -> Any:
        """Base embeddings (N, D), or with views (N, Z), as the source model would embed the texts.

        Takes and gives a numpy array or a torch tensor. Raises InvalidEmbeddings,
        DimensionMismatch.
        """
        return self.map.apply(embeddings)

    @property
    def source_sketches(self) -> SourceSketches | None:
        """The sketches of the rows it was trained on; None when it was made without."""
        return SourceSketches.from_tensors(self.summary)

    @classmethod
    def read(cls, directory: str | os.PathLike[str]) -> "EsmArtifact":
        """Read and validate a directory; raises InvalidArtifact, UnsafeFile, TooLarge.

        InvalidInput for a file that this user may not read.
        """
        path = Path(directory)
        with disk_errors(path, "Check that you may read it."):
            return cls.from_files(
                artifact_files(path),
                card=_read_text(path / CARD, MAX_CARD_BYTES),
                provenance=_read_json(path / PROVENANCE),
                source=_read_source(path / SOURCE),
            )

    @classmethod
    def from_files(
        cls,
        files: Mapping[str, Path],
        *,
        card: str = "",
        provenance: Mapping[str, Any] | None = None,
        source: Source | None = None,
    ) -> "EsmArtifact":
        """Validate the digested files wherever they lie, by name; the server calls this too."""
        check_file_names(files)
        content = {name: path.read_bytes() for name, path in files.items()}
        return cls.from_bytes(content, card=card, provenance=provenance, source=source)

    @classmethod
    def from_bytes(
        cls,
        files: Mapping[str, bytes],
        *,
        card: str = "",
        provenance: Mapping[str, Any] | None = None,
        source: Source | None = None,
    ) -> "EsmArtifact":
        """The same from the bytes of the digested files."""
        check_file_names(files)
        esm_map = load_map(files[MODEL])
        config = EsmConfig.from_json(files[CONFIG], esm_map.dimension)
        views = config.space.views.count if config.space and config.space.views else 0
        told = files.get(SUMMARY)
        summary = {} if told is None else parse_summary(told, esm_map.dimension, views)
        return cls(config, esm_map, summary, card, provenance or {}, source or Source())

    def write(self, directory: str | os.PathLike[str]) -> Path:
        """Write a new directory, whole or not at all; raises Conflict if it exists."""
        target = Path(directory)
        if target.exists():
            raise Conflict(f"{target} exists already.", "Choose another directory or remove it.")
        with disk_errors(target, "Choose a directory that you may write to."):
            target.parent.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
            self._fill(staging, target)
        return target

    def _fill(self, staging: Path, target: Path) -> None:
        try:
            (staging / CONFIG).write_bytes(self.config.to_json())
            (staging / MODEL).write_bytes(dump_map(self.map))
            if self.summary:
                (staging / SUMMARY).write_bytes(dump_tensors(self.summary))
            if self.card:
                (staging / CARD).write_text(self.card, encoding="utf-8")
            if self.provenance:
                text = json.dumps(dict(self.provenance), indent=2, sort_keys=True)
                (staging / PROVENANCE).write_text(text + "\n", encoding="utf-8")
            if self.source != Source():
                (staging / SOURCE).write_bytes(source_json(self.source))
            staging.chmod(0o777 & ~_umask())
            staging.rename(target)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise


def artifact_files(directory: Path) -> dict[str, Path]:
    """The digested files of a directory by name; raises InvalidArtifact, UnsafeFile, TooLarge."""
    if not directory.is_dir():
        raise InvalidArtifact(
            f"{directory} is not a directory.", "Name the directory that holds config.json."
        )
    unsafe = sorted(p.name for p in directory.iterdir() if p.suffix.lower() in UNSAFE_SUFFIXES)
    if unsafe:
        raise _unsafe(unsafe[0])
    files = {name: directory / name for name in DIGESTED if (directory / name).is_file()}
    check_file_names(files)
    if (size := sum(path.stat().st_size for path in files.values())) > MAX_ARTIFACT_BYTES:
        raise TooLarge(
            f"{directory} holds {size} bytes; an ESM may hold {MAX_ARTIFACT_BYTES}.",
            "Store the map in half precision.",
        )
    return files


def directory_manifest(directory: Path) -> tuple[Manifest, str]:
    """The manifest of a directory and the digest that names it."""
    manifest = build_manifest(artifact_files(directory))
    return manifest, manifest_digest(manifest)


def check_file_names(names: Mapping[str, object]) -> None:
    """Raise UnsafeFile or InvalidArtifact unless `names` are the files of an ESM."""
    for name in names:
        if Path(name).suffix.lower() in UNSAFE_SUFFIXES:
            raise _unsafe(name)
        if name not in DIGESTED:
            raise InvalidArtifact(
                f"{name[:80]!r} is not a file of an ESM.", f"An ESM holds {', '.join(DIGESTED)}."
            )
    for name in (CONFIG, MODEL):
        if name not in names:
            raise InvalidArtifact(
                f"{name} is missing.", f"An ESM holds {CONFIG} and {MODEL}; train one again."
            )


def _unsafe(name: str) -> UnsafeFile:
    return UnsafeFile(
        f"{name[:80]!r} may run code when it is read (pickle), so it is refused.",
        f"Save the map as {MODEL} with the safetensors library and remove this file.",
    )


def _read_text(path: Path, limit: int) -> str:
    if not path.is_file():
        return ""
    if (size := path.stat().st_size) > limit:
        raise TooLarge(f"{path.name} holds {size} bytes, more than {limit}.", "Shorten it.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as cause:
        raise InvalidArtifact(f"{path.name} is not UTF-8 text.", "Save it as UTF-8.") from cause


def _read_json(path: Path) -> dict[str, Any]:
    text = _read_text(path, MAX_PROVENANCE_BYTES)
    try:
        return parse_object(text) if text else {}
    except ValueError as cause:
        raise InvalidArtifact(f"{path.name}: {cause}.", "Repair or remove it.") from cause


def source_json(source: Source) -> bytes:
    """The bytes of `source.json`, which lies beside the digested files."""
    text = json.dumps(source.model_dump(mode="json", exclude_none=True), indent=2, sort_keys=True)
    return f"{text}\n".encode()


def _read_source(path: Path) -> Source:
    try:
        return Source.model_validate(_read_json(path))
    except ValidationError as cause:
        problem = cause.errors(include_url=False)[0]
        raise InvalidArtifact(
            f"{path.name}: {'.'.join(map(str, problem['loc']))[:200]}: {problem['msg'].lower()}.",
            f"It may hold {', '.join(Source.model_fields)}.",
        ) from cause


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
