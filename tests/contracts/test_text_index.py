"""Either database finds the same ESMs by the same words, and puts the same ones first."""

from types import SimpleNamespace

import pytest
from support.databases import KINDS, empty, on_servers

from esm_client.core.errors import InvalidInput
from esm_server.db import EsmRow, EsmVersionRow, NamespaceRow, SpaceRow
from esm_server.db.columns import now
from esm_server.db.database import Database
from esm_server.db.migrations import prepare
from esm_server.registry.text_index import TextIndex

ESMS = {  # name: data set, card
    "hotel-mood": ("stanford/imdb-5k", "Guests of hotels say what they felt. Ärger, naïve joy."),
    "weather_2.1": ("team/weather", "Sunny or not? See https://example.org/a_b?x=1 or v1.2.3"),
    "plain": ("glue", "The hotel is named in the card alone."),
    "letters": ("x/y", "ΟΔΥΣΣΕΥΣ met İstanbul; 好的 天气; Straße; e-mail me@example.org; 1e5"),
    "long": ("data/long", "word " * 400 + "zebra_crossing " + "other " * 17_000 + "last_words"),
    "wide": ("data/wide", " ".join(f"w{number:x}" for number in range(40_000))),
    "huge": ("data/huge", "q" * 5000 + " " + "\u00e9" * 3000),
}
QUERIES = [
    "hotel", "HOTEL", "hot", "hotel mood", "mood hotel", "hotel-mood", "imdb", "imdb-5k", "5k",
    "5", "imdb 5",
    "stanford/imdb", "arger", "Ärger", "naive", "naïve", "nai\u0308ve", "weather", "weather_2",
    "weather_2.1", "2.1", "example.org", "example", "a_b", "b_a", "https", "v1", "1.2", "x=1",
    "οδυσσευς", "οδυσσεύς", "istanbul", "İstanbul", "好", "好的", "的", "天气", "strasse", "straße",
    "e-mail", "me@example", "1e5", "1e", "zebra", "zebra_cross", "crossing_zebra", "zebra_other",
    "w9c3f", "w9c", "last", "q" * 150, "é" * 100, "e" * 100, "glue", "team x", "_", "_ hotel",
    "hotel _", "card alone", "glue_the", "plain_glue", "NOT hotel", "hotel & plain", "'", "hotel'",
    "hotel:*", "a\\b", "sunny | glue", "!hotel", "<->", "nothing-of-it",
]  # fmt: skip


@pytest.fixture(name="sqlite", scope="module")
def _sqlite(tmp_path_factory):
    yield from filled("sqlite", tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(name="postgresql", scope="module")
def _postgresql(tmp_path_factory):
    yield from filled("postgresql", tmp_path_factory.mktemp("postgresql"))


@pytest.fixture(name="database", params=KINDS)
def _database(request):
    """Each of the two; PostgreSQL where the slow tests run."""
    return request.getfixturevalue(request.param)


def filled(kind, directory):
    database = Database(empty(kind, directory))
    prepare(database.engine)
    fill(database)
    yield database
    database.close()


def fill(database):
    with database.write() as session:
        session.add(NamespaceRow(name="team", created_by="ann"))
        session.add(
            SpaceRow(id=1, name="s", base_model="b", pooling="mean", max_length=1, separator=" ",
                     dimension=2, canaries=[], created_by="ann")
        )  # fmt: skip
        session.flush()
        for number, (name, (data_set, card)) in enumerate(ESMS.items(), start=1):
            esm = EsmRow(id=number, namespace="team", name=name, space_id=1, updated_at=now())
            session.add(esm)
            session.flush()
            TextIndex(session).put(esm, version(data_set, card))


def version(data_set, card) -> EsmVersionRow:
    return SimpleNamespace(task={"data_set": data_set}, card=card)  # pyright: ignore


def search(database, words):
    """Names, the best first; or what was wrong with the question."""
    with database.read() as session:
        index = TextIndex(session)
        try:
            inner = index.scores(words, [index.matches(words)]).subquery()
        except InvalidInput as error:
            return error.message
        rows = session.connection().execute(inner.select().order_by("score", "id")).all()
    return [list(ESMS)[number - 1] for number, _ in rows]


@on_servers
@pytest.mark.parametrize("words", QUERIES)
def test_the_same_is_found(sqlite, postgresql, words):
    found, expected = search(sqlite, words), search(postgresql, words)
    if isinstance(found, str):
        assert found == expected
    else:
        assert sorted(found) == sorted(expected)


@on_servers
@pytest.mark.parametrize("words", ["hotel", "hot", "weather", "imdb", "card hotel"])
def test_the_best_is_the_same(sqlite, postgresql, words):
    assert search(sqlite, words)[0] == search(postgresql, words)[0]


def test_a_name_counts_more_than_a_card(database):
    assert search(database, "hotel") == ["hotel-mood", "plain"]


def test_what_is_removed_is_not_found(database):
    with database.write() as session:
        esm = session.get_one(EsmRow, 3)
        TextIndex(session).remove(esm)
    assert search(database, "glue") == []
    with database.write() as session:
        TextIndex(session).put(esm, version(*ESMS["plain"]))
    assert search(database, "glue") == ["plain"]
