"""Aliases: movable names of versions."""

from collections.abc import Iterator

from esm_client.core.references import Reference, check_alias
from esm_client.core.schemas import Alias, AliasMove, AliasUpdate
from esm_client.remote.http.requests import checked
from esm_client.remote.transport import Transport


class AliasResource:
    """`/v1/esms/{namespace}/{name}/aliases`; `name` is `namespace/name` everywhere."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, name: str) -> Iterator[Alias]:
        """The aliases of an ESM by name; raises NotFound."""
        return self._transport.pages(_path(name), Alias)

    def set(
        self,
        name: str,
        alias: str,
        version: int,
        *,
        protected: bool | None = None,
        expected: int | None = None,
    ) -> Alias:
        """Point an alias to a version.

        protected: whether only maintainers may move it from now on; None leaves that as it is.
        expected: the version it points to now (0: it does not exist); else Conflict, unchanged.
        Raises NotFound, InvalidName, Forbidden, Yanked, Conflict.
        """
        given = {"version": version, "protected": protected, "expected": expected}
        body = checked(AliasUpdate, {key: v for key, v in given.items() if v is not None})
        return self._transport.change("PUT", _path(name, alias), Alias, body)

    def delete(self, name: str, alias: str) -> None:
        """Remove an alias; its history stays. Raises NotFound, Forbidden."""
        self._transport.delete(_path(name, alias))

    def history(self, name: str, alias: str) -> Iterator[AliasMove]:
        """Where an alias has pointed, the last move first; raises NotFound."""
        return self._transport.pages(f"{_path(name, alias)}/moves", AliasMove)

    def roll_back(self, name: str, alias: str) -> Alias:
        """Point an alias to where it pointed before its last move; raises Conflict, Forbidden."""
        path = f"{_path(name, alias)}/rollback"
        return self._transport.act(path, Alias)


def _path(name: str, alias: str | None = None) -> str:
    path = f"/v1/esms/{Reference.parse(name).path}/aliases"
    return path if alias is None else f"{path}/{check_alias(alias)}"
