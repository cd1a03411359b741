"""Whether a registry still holds what its clients were told it holds, and nothing by halves."""

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from faults.deeds import SPACE, Actor, Told
from support.registry import RunningRegistry

from esm_client import Client
from esm_client.core.artifact.directory import directory_manifest
from esm_client.core.errors import NotFound


@dataclass
class Verdict:
    """What was found wrong; all empty is what is wanted."""

    lost: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unclean: list[str] = field(default_factory=list)
    verified: set[str] = field(default_factory=set)

    @property
    def sound(self) -> bool:
        return not (self.lost or self.half or self.wrong or self.unclean)

    def compare(self, client: Client, actors: Iterable[Actor]) -> None:
        """All that the actors were told, against what the registry says now."""
        for actor in actors:
            self.wrong += actor.wrong
            for name, told in actor.told.items():
                if told.versions or told.deleted:
                    self._compare(client, name, told)

    def _compare(self, client: Client, name: str, told: Told) -> None:
        try:
            stored = {version.version: version for version in client.esms.versions(name)}
        except NotFound:
            if not told.deleted and "delete" not in told.doubtful:
                self.lost += [f"{name}@{number}" for number in told.versions]
            return
        if told.deleted:
            self.wrong.append(f"{name} was deleted and is there")
            return
        if sorted(stored) != list(range(1, len(stored) + 1)):
            self.wrong.append(f"{name} has the versions {sorted(stored)}")
        for number, digest in told.versions.items():
            if number not in stored or stored[number].digest != digest:
                self.lost.append(f"{name}@{number}")
            elif number in told.yanked and stored[number].yank is None:
                self.wrong.append(f"{name}@{number} was yanked and is not")
        pointed = {alias.version for alias in client.aliases.list(name)}
        allowed = told.doubtful_alias | ({told.alias} if told.alias else set())
        if not pointed <= allowed or (told.alias and not pointed):
            self.wrong.append(f"{name}@stable is {pointed}, not of {allowed}")

    def read_all(self, client: Client, folder: Path) -> None:
        """Every listed version whose bytes were not looked at before is pulled and verified."""
        for esm in client.list(SPACE):
            name = f"{esm.namespace}/{esm.name}"
            for version in client.esms.versions(name):
                if version.digest in self.verified:
                    continue
                try:
                    pulled = client.pull(f"{name}@{version.digest}", folder / "pulled")
                    if directory_manifest(pulled)[1] != version.digest:
                        self.half.append(f"{name}@{version.version}: other bytes")
                except Exception as error:
                    self.half.append(f"{name}@{version.version}: {error!r}")
                shutil.rmtree(folder, ignore_errors=True)
                self.verified.add(version.digest)

    def check(self, registry: RunningRegistry) -> None:
        """What `esm-server check` finds."""
        ran = registry.run_command("check", "--json")
        if ran.returncode != 0:
            self.unclean.append(json.dumps(ran.stdout or ran.stderr)[:2000])
