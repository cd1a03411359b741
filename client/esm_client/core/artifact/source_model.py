"""A fine-tuned source model on disk: which files belong to it, and whether they are safe."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from esm_client.core.disk import disk_errors
from esm_client.core.errors import InvalidArtifact, TooLarge, UnsafeFile, UnsafeModel
from esm_client.core.json_object import parse_object
from esm_client.core.limits import (
    MAX_CONFIG_BYTES,
    MAX_SOURCE_MODEL_BYTES,
    MAX_SOURCE_MODEL_FILES,
    MAX_TENSOR_HEADER_BYTES,
)

_FILES = re.compile(
    r"config\.json|generation_config\.json|README\.md|[\w.-]+\.safetensors"
    r"|[\w.-]+\.safetensors\.index\.json|tokenizer\.json|tokenizer_config\.json"
    r"|special_tokens_map\.json|added_tokens\.json|vocab\.(txt|json)|merges\.txt"
    r"|(sentencepiece\.bpe|spiece|tokenizer)\.model"
)
_WEIGHTS = ".safetensors"
ReadRange = Callable[[int, int], bytes]
"""The bytes of a file from one offset up to another."""
_HINT = "Save it with save_pretrained, which writes config.json and safetensors."


def source_model_files(directory: Path) -> dict[str, Path]:
    """The files of a source model by name; whatever else lies there (pickles too) is left out.

    Raises InvalidArtifact, UnsafeFile, UnsafeModel, TooLarge.
    """
    if not directory.is_dir():
        raise InvalidArtifact(f"{directory} is not a directory.", "Name a saved model's folder.")
    with disk_errors(directory, "Check that you may read it."):
        names = sorted(path.name for path in directory.iterdir() if path.is_file())
        files = {name: directory / name for name in names if is_source_model_file(name)}
        pickled = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
        if pickled and not any(name.endswith(_WEIGHTS) for name in files):
            raise UnsafeFile(
                f"{directory} holds its weights as {pickled[0]!r} only, which may run code.", _HINT
            )
        check_source_model(files)
        size = sum(path.stat().st_size for path in files.values())
        for name, path in files.items():
            check_local_file(name, path)
    if size > MAX_SOURCE_MODEL_BYTES:
        raise TooLarge(
            f"{directory} holds {size} bytes; a source model may hold {MAX_SOURCE_MODEL_BYTES}.",
            "Store it in half precision.",
        )
    return files


def is_source_model_file(name: str) -> bool:
    """Whether a file of this name belongs to a source model."""
    return _FILES.fullmatch(name) is not None


def check_source_model(names: Iterable[str]) -> None:
    """Raise InvalidArtifact unless these are the files of a source model."""
    known = list(names)
    for name in known:
        if not is_source_model_file(name):
            raise InvalidArtifact(f"{name[:80]!r} is no file of a source model.", _HINT)
    if "config.json" not in known or not any(name.endswith(_WEIGHTS) for name in known):
        raise InvalidArtifact("A source model needs config.json and *.safetensors.", _HINT)
    if len(known) > MAX_SOURCE_MODEL_FILES:
        raise InvalidArtifact(
            f"A source model may have {MAX_SOURCE_MODEL_FILES} files, not {len(known)}.",
            "Save it in fewer shards.",
        )


def check_local_file(name: str, path: Path) -> None:
    """`check_source_model_file` for a file on disk."""
    with path.open("rb") as file:

        def read(start: int, stop: int) -> bytes:
            file.seek(start)
            return file.read(stop - start)

        check_source_model_file(name, path.stat().st_size, read)


def check_source_model_file(name: str, size: int, read: ReadRange) -> None:
    """Raise InvalidArtifact or UnsafeModel for one file; of weights only the header is read."""
    if name.endswith(_WEIGHTS):
        _check_tensors(name, size, read)
    elif name in ("config.json", "tokenizer_config.json"):
        if size > (limit := 16 * MAX_CONFIG_BYTES):
            raise InvalidArtifact(f"{name} is larger than {limit} bytes.", _HINT)
        try:
            document = parse_object(read(0, size))
        except ValueError as cause:
            raise InvalidArtifact(f"{name} cannot be read: {cause}.", _HINT) from cause
        if "auto_map" in document:
            raise UnsafeModel(
                f"{name} asks to run Python code that comes with the model (auto_map).",
                "Use a model that transformers knows without remote code.",
            )


def _check_tensors(name: str, size: int, read: ReadRange) -> None:
    """The header announces what follows, and every tensor lies inside the file."""
    length = int.from_bytes(read(0, min(8, size)), "little")
    if size < 8 or length > min(MAX_TENSOR_HEADER_BYTES, size - 8):
        raise InvalidArtifact(f"{name} is no safetensors file.", _HINT)
    try:
        header = parse_object(read(8, 8 + length))
        ends = [
            int(entry["data_offsets"][1]) for key, entry in header.items() if key != "__metadata__"
        ]
    except (ValueError, TypeError, LookupError, OverflowError) as cause:
        raise InvalidArtifact(f"{name} has no readable safetensors header.", _HINT) from cause
    if max(ends, default=0) != size - 8 - length:
        raise InvalidArtifact(
            f"{name} holds {size} bytes, its header announces another number: it is cut off.",
            "Copy or save the model again.",
        )
