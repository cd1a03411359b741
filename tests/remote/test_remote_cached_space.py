"""Spaces and source models in the cache: pulled once, healed when damaged, counted and dropped."""

import threading

import numpy as np
import pytest
from safetensors.numpy import save_file

from esm_client import Client
from esm_client.core import errors
from esm_client.remote.cache.cache import Cache
from esm_client.remote.cache.folders import CachedFolders
from esm_client.remote.config.settings import resolve_settings
from esm_client.remote.publishing.cached_space import cached_space
from esm_client.workflows.cached_source_models import cached_model, pull_model, stored_models


@pytest.fixture(name="space")
def _space(client, esm_directory, namespace):
    for seed in range(3):
        client.push(esm_directory(f"e{seed}", seed=seed), f"{namespace}/e{seed}", space=namespace)
    return namespace


@pytest.fixture(name="pull")
def _pull(relayed, space):
    """pull(offline=...): the space in the cache, through the relay, and the progress told."""

    def run(*, offline=False):
        told = []
        settings = resolve_settings(relayed.url, offline=offline)
        local = cached_space(relayed.packs, settings, space, lambda _, *done: told.append(done))
        return local, told

    return run


def packs_asked(relay):
    return [path for path in relay.paths() if path.partition("?")[0].endswith("/pack")]


def test_only_what_is_missing_is_pulled(pull, relay, client, esm_directory, space):
    local, told = pull()
    assert sorted(d.name for d in local.versions) == ["e0", "e1", "e2"]
    assert told == [(0, 3), (3, 3)]
    assert len(packs_asked(relay)) == 1
    assert pull()[1] == []
    assert len(packs_asked(relay)) == 1
    client.push(esm_directory("e3", seed=3), f"{space}/e3", space=space)
    client.esms.yank(f"{space}/e0@1", "wrong")
    local, told = pull()
    assert sorted(d.name for d in local.versions) == ["e1", "e2", "e3"]
    assert told == [(0, 1), (1, 1)]
    artifact = local.artifact(local.versions[0])
    assert artifact.map.dimension == 16


def test_offline_serves_what_is_there(pull, relay):
    with pytest.raises(errors.OfflineMiss, match="is not in the cache"):
        pull(offline=True)
    pull()
    relay.requests.clear()
    assert len(pull(offline=True)[0].versions) == 3
    assert relay.requests == []


@pytest.mark.parametrize("damage", ["pack", "state", "gone"])
def test_a_damaged_folder_is_pulled_anew(pull, relayed, damage):
    local, _ = pull()
    (pack,) = local.folder.glob("*.pack")
    if damage == "pack":
        pack.write_bytes(pack.read_bytes()[:1000])
    elif damage == "state":
        (local.folder / "space.json").write_text("{")
    else:
        pack.unlink()
    again, told = pull()
    assert len(again.versions) == 3
    assert told == [(0, 3), (3, 3)]
    assert again.artifact(again.versions[0])


def test_an_unknown_space(relayed):
    with pytest.raises(errors.NotFound):
        cached_space(relayed.packs, resolve_settings(relayed.url), "nowhere", print)


def test_two_processes_pull_one_after_the_other(tmp_path):
    folders, order = CachedFolders(tmp_path / "spaces"), []

    def second():
        with folders.writing("one"):
            order.append("second")

    with folders.writing("one") as folder:
        folder.mkdir()
        waiting = threading.Thread(target=second)
        waiting.start()
        with folders.writing("other"):  # another folder need not wait
            order.append("other")
        order.append("first")
    waiting.join()
    assert order == ["other", "first", "second"]
    assert list(folders) == [folder]


def test_source_models_are_pulled_once(relayed, relay, client, space, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "bert"}')
    save_file({"weights": np.arange(9.0)}, model / "model.safetensors")
    with Client(relay.url, offline=True) as offline, pytest.raises(errors.OfflineMiss):
        stored_models(offline, space)
    client.push_source_model(f"{space}/e1", model)
    stored = stored_models(relayed, space)
    assert list(stored) == [f"{space}/e1@1"]
    version, its = relayed.show(f"{space}/e1"), stored[f"{space}/e1@1"]
    assert cached_model(relayed.cache, its) is None
    folder = pull_model(relayed, version, its)
    assert {p.name for p in folder.iterdir()} == {"config.json", "model.safetensors"}
    assert cached_model(relayed.cache, its) == folder
    relay.requests.clear()
    assert pull_model(relayed, version, its) == folder
    assert relay.requests == []


def test_size_prune_and_clear_count_folders(pull, relayed):
    local, _ = pull()
    cache = Cache(relayed.cache.directory)
    whole = sum(path.stat().st_size for path in local.folder.iterdir())
    assert cache.size() == whole
    assert cache.prune(whole) == 0
    assert local.folder.is_dir()
    assert cache.prune(whole - 1) == whole
    assert not local.folder.exists()
    pull()
    assert cache.clear() == whole
    assert cache.size() == 0


def test_a_pull_that_fails_costs_nothing_that_was_there(pull, relay, client, esm_directory, space):
    pull()
    client.push(esm_directory("late", seed=9), f"{space}/late", space=space)
    whole = relay.rule
    relay.rule = lambda asked, forward: (
        forward().with_body(b"not a pack") if "/pack?" in asked.path else forward()
    )
    with pytest.raises(errors.EsmError):
        pull()
    assert len(pull(offline=True)[0].versions) == 3
    relay.rule = whole
    assert len(pull()[0].versions) == 4
