"""kill -9 of the server at random moments of pushes: nothing acknowledged is lost or half there."""

import random
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.waiting import until

from esm_client import Client, EsmError
from esm_client.core.artifact.directory import directory_manifest
from esm_client.core.schemas import EsmVersionDetail

PUSHERS = 2
PUSHES = 12
LONGEST_SECONDS = 0.8
SEED = 20


class Pusher(threading.Thread):
    """Pushes new names to a namespace of its own until the server dies; remembers each answer."""

    def __init__(self, registry: Any, directories: list[Path], namespace: str) -> None:
        super().__init__(daemon=True)
        self._registry, self._directories, self._namespace = registry, directories, namespace
        self.acknowledged: list[EsmVersionDetail] = []
        self.error: EsmError | None = None

    def run(self) -> None:
        # the killed server does not come back: no pusher is to wait for it
        with Client(self._registry.url, self._registry.write_token, patience=0) as client:
            for number, directory in enumerate(self._directories):
                try:
                    pushed = client.push(directory, f"{self._namespace}/esm-{number}")
                except EsmError as error:
                    self.error = error
                    return
                self.acknowledged.append(pushed)


def any_answer(pushers: list[Pusher]) -> bool:
    """Whether a push was acknowledged; fails where none will be, for no server was killed yet."""
    refused = [pusher.error for pusher in pushers if pusher.error is not None]
    assert not refused, refused
    return any(pusher.acknowledged for pusher in pushers)


@pytest.mark.xdist_group("serial")
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_no_acknowledged_version_is_lost_and_no_half_version_listed(
    start_registry: Any, esm_directory: Any, tmp_path: Path, kills: int
) -> None:
    rng = random.Random(SEED)
    acknowledged: list[EsmVersionDetail] = []
    for kill in range(kills):
        registry = start_registry()
        fresh = [  # new content each time, so that files travel in every push
            esm_directory(f"esm-{kill}-{number}", dimension=384, seed=1000 * kill + number)
            for number in range(PUSHERS * PUSHES)
        ]
        pushers = [
            Pusher(registry, fresh[index::PUSHERS], f"kill-{kill}-{index}")
            for index in range(PUSHERS)
        ]
        for pusher in pushers:
            pusher.start()
        until(partial(any_answer, pushers))
        pushers[0].join(rng.uniform(0, LONGEST_SECONDS))
        registry.kill()
        for pusher in pushers:
            pusher.join(60)
            assert not pusher.is_alive()
            acknowledged += pusher.acknowledged

    registry = start_registry()
    with Client(registry.url, registry.read_token, cache_dir=tmp_path / "cache") as client:
        listed = {esm.latest.reference: esm.latest.digest for esm in client.list()}
        lost = [v.reference for v in acknowledged if listed.get(v.reference) != v.digest]
        assert acknowledged
        assert lost == []
        for number, (reference, digest) in enumerate(listed.items()):
            pulled = client.pull(reference, tmp_path / "pulled" / str(number))
            assert directory_manifest(pulled)[1] == digest
    print(f"{kills} kills, {len(acknowledged)} acknowledged, {len(listed)} listed, 0 lost")
    leftovers = list(registry.store.spool.iterdir())
    assert leftovers == []
