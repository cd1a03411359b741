"""kill -9 of the server at random moments of pushes: nothing acknowledged is lost or half there."""

import random
import threading
from pathlib import Path
from typing import Any

import pytest

from esm_client import Client, EsmError
from esm_client.core.artifact.directory import directory_manifest
from esm_client.core.schemas import EsmVersionDetail

PUSHERS = 2
PUSHES = 12
LONGEST_SECONDS = 0.8
SEED = 20


class Pusher(threading.Thread):
    """Pushes new names one after the other until the server dies; remembers each answer."""

    def __init__(self, registry: Any, directories: list[Path], prefix: str) -> None:
        super().__init__()
        self._registry, self._directories, self._prefix = registry, directories, prefix
        self.acknowledged: list[EsmVersionDetail] = []
        self.begun = threading.Event()

    def run(self) -> None:
        # the killed server does not come back: no pusher is to wait for it
        with Client(self._registry.url, self._registry.write_token, patience=0) as client:
            for number, directory in enumerate(self._directories):
                self.begun.set()
                try:
                    pushed = client.push(directory, f"kill/{self._prefix}-{number}")
                except EsmError:
                    return
                self.acknowledged.append(pushed)


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
            Pusher(registry, fresh[index::PUSHERS], f"{kill}-{index}") for index in range(PUSHERS)
        ]
        for pusher in pushers:
            pusher.start()
        assert all(pusher.begun.wait(60) for pusher in pushers)
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
