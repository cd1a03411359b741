"""Whether the maps at the engine's hand are those that were pushed."""

from collections.abc import Iterator
from pathlib import Path

from esm_client.core.artifact.manifest import digest_file
from esm_client.core.errors import EsmError
from esm_client.core.maps.storage import load_map
from esm_server.engine.shelf import MapShape, Shelf
from esm_server.operations.finding import Finding
from esm_server.operations.opening import Registry


def check_engine(registry: Registry, *, deep: bool) -> Iterator[Finding]:
    """Records whose bytes changed; with `deep` each is compared with its blob.

    Maps that no version needs any more are no error: the engine drops them by and by.
    """
    for path in sorted(registry.engine_dir.glob("space-*/*.maps")):
        shape = MapShape.parse(path.name.rpartition(".maps")[0].rpartition(".")[0])
        if shape is None:
            continue  # not the engine's
        try:
            shelf = Shelf(path, shape)
            sound = shelf.sound_digests()
            if len(sound) < len(shelf):  # or its server was just writing
                sound = shelf.sound_digests()
            damaged = len(shelf) - len(sound)
            if deep:
                damaged += sum(_differs(registry, shelf, *one) for one in sound.items())
        except FileNotFoundError:  # written anew under another name
            continue
        if damaged:
            where = f"{path.parent.name}/{path.name}"
            yield Finding("engine-damaged", where, f"{damaged} records are damaged.", True, where)


def remove_shelves(registry: Registry) -> None:
    """Drop all shelves, which come back; only while no server uses them."""
    for path in registry.engine_dir.glob("space-*/*.maps"):
        path.unlink()


def _differs(registry: Registry, shelf: Shelf, digest: str, row: int) -> bool:
    try:
        with registry.store.local_copy(digest) as path:
            if digest_file(path) != digest:  # the file is damaged, which is told elsewhere
                return False
            expected = shelf.record_of(digest, load_map(Path(path).read_bytes()))
    except (EsmError, OSError):  # swept, or damaged: told elsewhere
        return False
    with shelf.path.open("rb") as file:
        file.seek(row * shelf.record_bytes)
        return file.read(shelf.record_bytes) != expected
