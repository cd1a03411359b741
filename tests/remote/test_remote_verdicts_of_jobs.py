"""A ranking whose command was broken off: a copy of the target is found all the same, later."""

from itertools import count

import pytest
from support.copied_target import TEXTS, CopiedTarget, references
from support.registry import RunningRegistry
from support.waiting import held_workers, until

from esm_client.core.errors import Conflict
from esm_client.core.schemas import RankingJob
from esm_client.remote.resources.rankings import RankingResource

pytestmark = pytest.mark.filterwarnings("ignore::esm_client.ranking.cautions.CopiesWarning")
DRAWS = count(100)


@pytest.fixture(name="registry", scope="module")
def _registry(tmp_path_factory):
    """One worker, which can be held."""
    running = RunningRegistry(tmp_path_factory.mktemp("one"), {"ESM_SERVER_WORKERS": "1"})
    yield running
    running.kill()


@pytest.fixture(name="copied")
def _copied(client, namespace, tmp_path):
    """Another target for every test: a server gives scores that it has at once."""
    return CopiedTarget(client, namespace, tmp_path, draw=next(DRAWS))


class Gone(Exception):
    """Whoever waited for a ranking does not wait any more: the terminal was closed."""


@pytest.fixture(name="begin")
def _begin(client, copied, registry):
    """begin(ending): the id of a ranking whose command was broken off, by `ending`."""

    def begin(ending=Gone, target_rows=TEXTS):
        def told(step, done, total):
            raise ending

        copied.rank(client, intercept=False)  # other scores, for which the worker starts
        wanted = {"space": copied.space, "wait": 0.0}
        with held_workers(registry):
            with pytest.raises(ending):
                client._rankings.rank(
                    copied.sketch, (), None, wanted, target_rows, told, keep_copies=False
                )
            found = registry.query(
                "SELECT id FROM ranking_jobs "
                "WHERE state = 'running' AND CAST(request AS TEXT) LIKE :space",
                space=f'%"{copied.space}"%',
            )
        return found[0][0] if found else None

    return begin


def test_it_is_looked_at_when_it_is_there(client, begin, copied, records):
    waited = begin()
    (path,) = records.glob("*.waiting")
    assert path.stat().st_mode & 0o777 == 0o600
    kept = path.read_bytes()
    assert not any(word in kept for word in (b"hotel", b"staff", b"number"))
    again = client.ranking(waited)
    assert references(again.left_out) == [copied.copy]
    assert again.best.reference == copied.second
    assert (again.shield.state, again.cautions) == ("known", [])
    assert list(records.glob("*.waiting")) == []
    assert client.ranking(waited).shield == again.shield


def test_its_outcomes_have_ranks_without_the_copy(client, begin, copied, registry):
    waited = begin()
    with registry.client(registry.write_token) as plain:
        until(lambda: plain.get(f"/v1/rankings/{waited}").status_code == 200)
    stored = client.outcomes.report(waited, copied.second, 0.7)
    assert (stored.rank, stored.shielded) == (1, True)


def test_without_texts(client, begin, copied):
    found = client.ranking(begin(target_rows=None))
    assert found.shield.state == "off"
    copied.check_it_is_said_first(found)


def test_on_another_machine(begin, copied, another_machine):
    found = another_machine().ranking(begin())
    assert found.shield.state == "unknown"
    copied.check_it_is_said_first(found)


def test_of_a_target_too_large_to_be_kept(client, begin, copied, records, monkeypatch):
    monkeypatch.setattr("esm_client.remote.verdicts.record.MAX_HASHES", 59)
    waited = begin()
    assert list(records.glob("*.waiting")) == []
    found = client.ranking(waited)
    assert found.shield.state == "unknown"
    copied.check_it_is_said_first(found)


def test_called_off_nothing_of_the_target_stays(begin, records):
    assert begin(KeyboardInterrupt) is None
    assert list(records.glob("*.waiting")) == []


@pytest.mark.parametrize(
    ("state", "ending"), [("failed", Conflict), ("running", KeyboardInterrupt)]
)
def test_nor_where_it_fails_or_is_called_off_later(
    client, begin, records, monkeypatch, state, ending
):
    waited = begin()
    assert list(records.glob("*.waiting")) != []
    job = RankingJob(id=waited, state=state, done=0, total=3)

    def interrupt(_self, _identifier):
        raise KeyboardInterrupt

    monkeypatch.setattr(RankingResource, "get", lambda _self, _identifier: job)
    monkeypatch.setattr(RankingResource, "follow", interrupt)
    with pytest.raises(ending):
        client.ranking(waited)
    assert list(records.glob("*.waiting")) == []
