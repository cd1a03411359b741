"""Indices of spaces while they are built: nobody waits who need not."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from support.artifacts import make_esm, publish
from support.registry import RunningRegistry

from esm_server.auth.service import AuthService
from esm_server.index.space import SpaceIndex
from esm_server.registry.removal import RemovalService
from esm_server.similar import service
from esm_server.similar.service import SimilarService


class Registry:
    """The services of a registry with the spaces 1 and 2, ESMs a/e0 to a/e2 and b/e0 to b/e2."""

    def __init__(self, running):
        self.database = running.database()
        self.caller = AuthService(self.database).recognise(running.write_token)
        self.similar = SimilarService(self.database)

    def index(self, space):
        with self.database.read() as session:
            return self.similar.index(session, space)

    def near(self, name="e0"):
        rows = self.similar.of_version(self.caller, "a", name, "1", 10).rows
        return sorted(row.reference for row in rows if row.by == "map")

    def yank(self, name):
        RemovalService(self.database).yank(self.caller, "a", name, "1", "wrong")


@pytest.fixture(name="original", scope="module")
def _original(tmp_path_factory):
    """A stopped registry with two spaces of three ESMs each."""
    folder = tmp_path_factory.mktemp("original")
    running = RunningRegistry(folder / "registry")
    for space in ("a", "b"):
        for seed in range(3):
            path = f"{space}/e{seed}"
            answer = publish(running, make_esm(folder, path, seed=seed), path, space=space)
            assert answer.status_code == 201, answer.text
    assert running.stop() == 0
    return running


@pytest.fixture(name="filled")
def _filled(original, tmp_path):
    registry = Registry(RunningRegistry(tmp_path / "registry", copy_of=original))
    yield registry
    registry.database.close()


@contextmanager
def held_up(monkeypatch, work):
    """While `work` stands still in its first `follow`; ends with its result."""
    reached, go_on, follow = Event(), Event(), SpaceIndex.follow

    def slow(self, versions, load):
        if not reached.is_set():
            reached.set()
            assert go_on.wait(60)
        follow(self, versions, load)

    monkeypatch.setattr(SpaceIndex, "follow", slow)
    with ThreadPoolExecutor(1) as other:
        working = other.submit(work)
        try:
            assert reached.wait(60)
            yield working
        finally:
            go_on.set()
        working.result(60)


def test_building_one_index_holds_up_no_other(filled, monkeypatch):
    with ThreadPoolExecutor(1) as other, held_up(monkeypatch, lambda: filled.index(1)):
        assert other.submit(filled.index, 2).result(60) is not filled.similar._spaces[1].index
        waiting = other.submit(filled.near)
        with pytest.raises(TimeoutError):  # there is no older one to search
            waiting.result(0.2)
    assert waiting.result(60) == ["a/e1@1", "a/e2@1"]


def test_searches_go_on_while_another_request_follows(filled, monkeypatch):
    monkeypatch.setattr(service, "PATIENCE", 0.05)
    assert filled.near() == ["a/e1@1", "a/e2@1"]
    filled.yank("e1")
    with held_up(monkeypatch, lambda: filled.index(1)) as following:
        assert filled.near() == ["a/e2@1"]
        assert not following.done()
    assert filled.near() == ["a/e2@1"]


def test_a_failure_leaves_the_index_to_the_next(filled, monkeypatch):
    follow = SpaceIndex.follow
    monkeypatch.setattr(SpaceIndex, "follow", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        filled.near()
    monkeypatch.setattr(SpaceIndex, "follow", follow)
    assert filled.near() == ["a/e1@1", "a/e2@1"]
