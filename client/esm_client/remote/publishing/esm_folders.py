"""The ESM directories below a folder, as `build` and `train` leave them, by their names."""

from pathlib import Path

from esm_client.core.artifact.directory import CONFIG, MODEL
from esm_client.core.errors import Conflict, NotFound
from esm_client.core.schemas import PackResult, Problem


def find_esms(folder: Path) -> tuple[dict[str, Path], list[PackResult]]:
    """ESM directories at any depth, by name, and those refused as another has their name.

    Any directory that holds one of an ESM's files is taken for one: what it lacks is said when it
    is read. Hidden directories are left out. Raises NotFound where there is no such folder, or
    nothing of the kind in it.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.", "Check the path.")
    named: dict[str, list[Path]] = {}
    for path in _inside(folder, frozenset()):
        named.setdefault(path.name, []).append(path)
    if not named:
        alone = any((folder / name).is_file() for name in (CONFIG, MODEL))
        raise NotFound(
            f"{folder} holds no directory with an ESM.",
            f'It is one itself: `Client.push("{folder}", name)`'
            if alone
            else f"Name a folder above directories with {CONFIG} and {MODEL}.",
        )
    refused = [
        _refused(path, paths, folder) for paths in named.values() if len(paths) > 1
        for path in paths
    ]  # fmt: skip
    return {name: paths[0] for name, paths in named.items() if len(paths) == 1}, refused


def _inside(folder: Path, above: frozenset[Path]) -> list[Path]:
    """The ESM directories below a folder; `above` are those it lies in, for links in a circle."""
    real = folder.resolve()
    if real in above:
        return []
    try:
        entries = sorted(folder.iterdir())
        if above and any(path.name in (CONFIG, MODEL) for path in entries):
            return [folder]
        inner = [path for path in entries if not path.name.startswith(".") and path.is_dir()]
    except OSError:
        return [folder]  # reading it as an ESM says what is wrong
    return [found for path in inner for found in _inside(path, above | {real})]


def _refused(path: Path, paths: list[Path], folder: Path) -> PackResult:
    other = next(another for another in paths if another != path)
    error = Conflict(
        f"{other.relative_to(folder)} has the same name.",
        "Rename one of them, or push the folder above each into a namespace of its own.",
    )
    return PackResult(name=str(path.relative_to(folder)), problem=Problem.of(error))
