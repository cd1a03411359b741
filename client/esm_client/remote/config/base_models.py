"""Where this user keeps base models: a folder by registry and embedding space."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from esm_client.core.disk import disk_errors, write_whole
from esm_client.core.errors import InvalidInput
from esm_client.core.schemas import Space
from esm_client.remote.config.credentials import credentials_file

_HINT = "Set XDG_CONFIG_HOME to a directory you may write to."


class BaseModels(BaseModel):
    """Folders by registry URL, then by space."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    folders: dict[str, dict[str, str]] = {}


def base_models_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the folders are noted on this machine."""
    return credentials_file(environment).with_name("base_models.json")


def mapped_folder(path: Path, url: str, space: str) -> Path | None:
    """The folder noted for a space of a registry; raises InvalidInput for a damaged file."""
    folder = _read(path).folders.get(url, {}).get(space)
    return None if folder is None else Path(folder)


def map_folder(path: Path, url: str, space: str, folder: Path | None) -> None:
    """Note the folder of a space's base model; None forgets it."""
    known = {key: dict(value) for key, value in _read(path).folders.items()}
    mine = known.setdefault(url, {})
    if folder is None:
        mine.pop(space, None)
    else:
        mine[space] = str(folder.resolve())
    text = json.dumps({"folders": known}, indent=2, sort_keys=True)
    with disk_errors(path, _HINT):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, f"{text}\n".encode())


def find_folder(
    path: Path, url: str, space: Space, named: str | None, parameter: str = "base_model"
) -> str:
    """The base model of a space: as named, as mapped, or where the space says, if it is there.

    A hub id is returned as it is where a hub's cache may hold it. Raises InvalidInput, which says
    by which `parameter` of the caller a folder is named.
    """
    if named is not None:
        return named
    mapped = mapped_folder(path, url, space.name)
    if mapped is not None:
        if not mapped.is_dir():
            raise InvalidInput(
                f"The space {space.name} is mapped to {mapped}, which is no folder any more.",
                f"Name its folder with `{parameter}`.",
                parameters=(parameter,),
                space=space.name,
                mapped=str(mapped),
            )
        return str(mapped)
    for place in (space.identity.base_model, space.location):
        if place and Path(place).is_dir():
            return place
    told = f"; the team finds it here: {space.location}" if space.location else ""
    raise InvalidInput(
        f"The space {space.name} uses the base model {space.identity.base_model}, which is no "
        f"folder on this machine{told}.",
        f"Name its folder with `{parameter}`.",
        parameters=(parameter,),
        space=space.name,
        mapped=None,
    )


def _read(path: Path) -> BaseModels:
    with disk_errors(path, _HINT):
        if not path.is_file():
            return BaseModels()
        try:
            return BaseModels.model_validate_json(path.read_bytes())
        except ValidationError as cause:
            raise InvalidInput(f"{path} is damaged.", "Correct or remove it.") from cause
