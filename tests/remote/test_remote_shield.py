"""Copies of the target and near-duplicate sources, found against a real server."""

import numpy as np
import pytest

from esm_client import Client, TargetSketch
from esm_client.core.errors import NotFound
from esm_client.core.schemas import EsmFilter

TARGET = [(f"The staff of hotel number {i} were kind",) for i in range(400)]
OTHER = [(f"A match that club number {i} lost at home",) for i in range(6000)]
SOURCES = {
    "whole": TARGET + OTHER[:3600],
    "half": TARGET[:200] + OTHER[:3800],
    "five-percent": TARGET[:20] + OTHER[:3980],
    "shouted": [(f"  {text.upper()}\t",) for (text,) in TARGET] + OTHER[:3600],
    "nothing": OTHER[2000:],
    "unknown": (),
}


@pytest.fixture(name="ranked")
def _ranked(client, esm_directory, namespace):
    """ranked(**options): a ranking of all sources for the target."""
    for seed, (name, rows) in enumerate(SOURCES.items()):
        client.push(
            esm_directory(name, seed=seed, rows=rows), f"{namespace}/{name}", space=namespace
        )
    embeddings = np.random.default_rng(7).standard_normal((len(TARGET), 16))
    labels = np.arange(len(TARGET)) % 2
    sketch = TargetSketch.from_embeddings(embeddings, labels, kind="classification")
    return lambda client=client, **options: client.rank(sketch, space=namespace, **options)


def names(rows):
    return {row.reference.split("/")[1].split("@")[0] for row in rows}


def test_copies_are_left_out_and_sharers_flagged(ranked):
    ranking = ranked(target_rows=TARGET)
    assert names(ranking.left_out) == {"whole", "half", "shouted"}
    assert names(ranking) == {"five-percent", "nothing", "unknown"}
    report = ranking.shield
    assert (report.num_compared, report.num_unknown) == (5, 1)
    shares = {name.split("/")[1][:-2]: found for name, found in report.overlaps.items()}
    assert set(shares) == {"whole", "half", "shouted", "five-percent"}
    for name, truth in {"whole": 1, "half": 0.5, "shouted": 1, "five-percent": 0.05}.items():
        low, high = shares[name].interval
        assert low - 0.01 <= truth <= high + 0.01
    assert [row.rank for row in ranking] == [1, 2, 3]
    assert ranking[0].log_bayes_factor == 0
    assert len(ranking.receipt.rows) == 6
    assert "Left out:" in repr(ranking)
    assert "Left out:" in ranking._repr_html_()
    assert "shares" in repr(ranking)


def test_copies_can_be_kept(ranked):
    ranking = ranked(target_rows=TARGET, keep_copies=True)
    assert len(ranking) == 6
    assert ranking.left_out == ranking.top(1).left_out == ()
    assert len(ranking.shield.copies) == 3


def test_strings_are_rows_of_one_text(ranked):
    ranking = ranked(target_rows=[text for (text,) in TARGET])
    assert names(ranking.left_out) == {"whole", "half", "shouted"}


def test_when_all_sources_are_copies_nothing_is_left_and_it_is_said(ranked, namespace):
    only = EsmFilter(exclude=[f"{namespace}/{name}" for name in SOURCES if name != "whole"])
    ranking = ranked(target_rows=TARGET, filter=only)
    assert (len(ranking), names(ranking.left_out)) == (0, {"whole"})
    assert "Left out:" in repr(ranking)
    with pytest.raises(NotFound, match="no rows") as caught:
        _ = ranking.best
    assert "keep_copies" in caught.value.hint


def test_a_target_too_small_to_find_in_a_large_source_is_unknown(client, esm_directory, namespace):
    rows = [(f"A line that was printed as number {i}",) for i in range(40_000)]
    client.push(esm_directory("large", rows=rows), f"{namespace}/large", space=namespace)
    embeddings = np.random.default_rng(7).standard_normal((20, 16))
    sketch = TargetSketch.from_embeddings(embeddings, np.arange(20) % 2, kind="classification")
    ranking = client.rank(sketch, space=namespace, target_rows=OTHER[:20])
    assert (ranking.shield.num_compared, ranking.shield.num_unknown) == (0, 1)
    assert "copies of it would not be noticed" in repr(ranking)


def test_sources_of_the_same_rows_are_grouped(ranked):
    ranking = ranked(target_rows=TARGET, keep_copies=True)
    groups = [names_of(group) for group in ranking.shield.groups]
    assert len(groups) == 1
    assert {"whole", "half", "five-percent", "shouted"} <= groups[0]
    assert "unknown" not in groups[0]


def test_esms_of_the_same_map_are_grouped(client, esm_directory, namespace, ranked):
    client.push(esm_directory("again", seed=4), f"{namespace}/again", space=namespace)
    groups = [names_of(group) for group in ranked(target_rows=TARGET).shield.groups]
    assert {"again", "nothing"} in groups  # both of seed 4; no sketch tells of the first


def names_of(group):
    return {reference.split("/")[1].split("@")[0] for reference in group}


def test_without_texts_nothing_is_left_out(ranked):
    ranking = ranked()
    assert len(ranking) == 6
    assert "copies of it would not be noticed" in repr(ranking)


def test_nothing_of_the_target_travels_and_sketches_are_fetched_once(
    ranked, relay, registry, tmp_path
):
    with Client(relay.url, registry.write_token, cache_dir=tmp_path / "c") as client:
        ranked(client, target_rows=TARGET)
        first = relay.paths("POST")
        assert first.count("/v1/source-sketches") == 1
        relay.requests.clear()
        ranked(client, target_rows=TARGET[:10])
        # what has no sketch is asked for again, the others come from the cache
        assert relay.paths("POST").count("/v1/source-sketches") == 1
        assert client.cache.size() > 5 * 8 * 2048
        client.cache.clear()
        assert client.cache.size() == 0


def test_private_sketches_are_not_handed_out(registry, client, esm_directory, namespace):
    client.namespaces.create(namespace, private=True)
    version = client.push(esm_directory("p", rows=TARGET), f"{namespace}/p", space=namespace)
    query = {"digests": [version.digest]}
    with registry.client(registry.read_token) as stranger:
        assert stranger.post("/v1/source-sketches", json=query).json()["items"] == []
    with registry.client(registry.write_token) as member:
        assert len(member.post("/v1/source-sketches", json=query).json()["items"]) == 1
