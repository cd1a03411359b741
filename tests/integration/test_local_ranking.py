"""What a ranking without a server says: what the server's would, for all that may be asked."""

import numpy as np
import pytest

from esm_client import TargetSketch
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import InvalidSketch, NotFound
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.schemas import EsmFilter
from esm_client.core.scoring.jackknife import fold_sketches

ROWS = [(f"this is the row of number {number}, long enough",) for number in range(60)]
OTHERS = [(f"something else entirely, number {number} of many",) for number in range(60)]


def references(ranking):
    return [row.reference for row in ranking]


@pytest.fixture(name="folder")
def _folder(tmp_path):
    return tmp_path / "space"


@pytest.fixture(name="described")
def _described(client, esm_directory, unique, folder):
    """Five ESMs that differ in what filters ask for."""
    for number, language in enumerate(("de", "de", "en", "fr", None)):
        made = esm_directory(f"e{number}", seed=number, language=language)
        client.push(made, f"{unique}/e{number}", space=unique)
    client.esms.edit(f"{unique}/e0", tags=["checked", "old"])
    client.esms.edit(f"{unique}/e3", tags=["checked"])
    client.esms.edit_version(f"{unique}/e1@1", source={"licence": "mit", "domain": "news"})
    client.packs.pull(unique, folder)
    return unique


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"language": ["de"]}, "01"),
        ({"language": ["de", "fr"], "tag": ["checked"]}, "03"),
        ({"tag": ["old", "checked"]}, "03"),
        ({"licence": ["mit"]}, "1"),
        ({"domain": ["news", "reviews"]}, "1"),
        ({"task": ["test/e2"]}, "2"),
        ({"kind": "classification"}, "01234"),
        ({"architecture": ["linear"]}, "01234"),
        ({"namespace": ["{unique}"]}, "01234"),
        ({"owner": ["{owner}"]}, "01234"),
        ({"exclude": ["{unique}/e0", "test/e1"]}, "234"),
        ({"exclude": ["elsewhere/*", "{unique}/e"]}, "01234"),
        ({"exclude": ["{unique}/*"]}, ""),
        ({"language": ["xx"]}, ""),
        ({"kind": "regression"}, ""),
    ],
)
def test_filters(client, described, sketch, folder, wanted, expected):
    owner = client.whoami().name
    filled = {
        field: value
        if isinstance(value, str)
        else [one.format(unique=described, owner=owner) for one in value]
        for field, value in wanted.items()
    }
    narrow = EsmFilter.model_validate(filled)
    if not expected:
        for attempt in (
            lambda: client.rank(sketch, space=described, filter=narrow),
            lambda: client.rank_locally(sketch, folder, filter=narrow),
        ):
            with pytest.raises(NotFound, match="passes the filter"):
                attempt()
        return
    here = client.rank_locally(sketch, folder, filter=narrow)
    assert references(here) == references(client.rank(sketch, space=described, filter=narrow))
    assert sorted(references(here)) == [f"{described}/e{number}@1" for number in expected]
    assert here.receipt.filter == narrow


def test_copies_of_the_target_are_left_out(client, esm_directory, unique, sketch, folder):
    for name, rows in (
        ("copy", ROWS),
        ("half", ROWS[:6] + OTHERS),
        ("other", OTHERS),
        ("none", ()),
    ):
        made = esm_directory(name, seed=len(name), rows=rows)
        client.push(made, f"{unique}/{name}", space=unique)
    client.packs.pull(unique, folder)
    there = client.rank(sketch, space=unique, target_rows=ROWS)
    here = client.rank_locally(sketch, folder, target_rows=ROWS)
    assert references(here) == references(there)
    assert [row.reference for row in here.left_out] == [f"{unique}/copy@1"]
    assert here.shield == there.shield
    assert [row.rank for row in here] == [1, 2, 3]
    kept = client.rank_locally(sketch, folder, target_rows=ROWS, keep_copies=True)
    assert len(kept) == 4
    assert kept.shield.copies == (f"{unique}/copy@1",)
    assert client.rank_locally(sketch, folder).shield.num_unknown == 4


def test_near_duplicates_are_grouped(client, esm_directory, unique, sketch, folder):
    for name, data_set in (("a", "test/a"), ("b", "test/b")):
        made = esm_directory(name, seed=5, data_set=data_set)
        client.push(made, f"{unique}/{name}", space=unique)
    client.packs.pull(unique, folder)
    there, here = client.rank(sketch, space=unique), client.rank_locally(sketch, folder)
    assert [list(group) for group in here.shield.groups] == [references(here)]
    assert here.shield == there.shield


def test_uncertainty(client, many, unique, target, sketch, folder):
    client.packs.push(unique, many, space=unique)
    client.packs.pull(unique, folder)
    folds = fold_sketches(*target, kind="classification")
    there = client.rank(sketch, space=unique, folds=folds)
    here = client.rank_locally(sketch, folder, folds=folds)
    assert references(here) == references(there)
    for one, other in zip(here, there, strict=True):
        assert one.standard_error == pytest.approx(other.standard_error, abs=1e-7)
        assert (one.rank_range, one.tied) == (other.rank_range, other.tied)
    with_mlp = client.rank_locally(sketch, folder, folds=folds, embedded=target)
    unsure = [row.reference for row in with_mlp if row.standard_error is None]
    assert unsure == [f"{unique}/n20@1"]
    with pytest.raises(InvalidSketch, match="hold 54 rows"):
        client.rank_locally(sketch, folder, folds=folds[1:])


def test_a_map_that_overflows_ends_no_ranking(client, esm_directory, unique, tmp_path):
    """Low-rank maps are scored together: the others of its batch get their scores."""
    rng = np.random.default_rng(0)
    for number, size in enumerate((1.0, 1e150, 1.0)):
        left, right = (np.sign(rng.standard_normal((16, 2))) * size for _ in range(2))
        esm_map = LowRankMap(np.ones(1), left, right, np.zeros(16))
        made = EsmArtifact.read(esm_directory(f"x{number}", seed=number))
        config = made.config.model_copy(update={"architecture": esm_map.architecture})
        changed = EsmArtifact(config, esm_map, made.summary, made.card)
        changed.write(tmp_path / "maps" / f"x{number}")
    folders = {f"x{number}": tmp_path / "maps" / f"x{number}" for number in range(3)}
    pushed = client.packs.push(unique, folders, space=unique, force=True)
    assert not any(result.problem for result in pushed)
    client.packs.pull(unique, tmp_path / "space")
    x = 1e12 * np.random.default_rng(3).standard_normal((60, 16))
    far = TargetSketch.from_embeddings(x, np.arange(60) % 2, kind="classification")
    here = client.rank_locally(far, tmp_path / "space")
    assert sorted(references(here)) == [f"{unique}/x0@1", f"{unique}/x2@1"]
    assert [s.reference for s in here.skipped] == [f"{unique}/x1@1"]


def test_receipts_say_the_same(client, many, esm_directory, unique, target, sketch, folder):
    """Of the same pool and target: each field but those of the ranking as an event."""
    client.packs.push(unique, many, space=unique)
    client.packs.pull(unique, folder)
    folds = fold_sketches(*target, kind="classification")
    fingerprint = EsmArtifact.read(many["full-0"]).fingerprint
    asked = {"fingerprint": fingerprint, "intercept": False, "folds": folds}
    there = client.rank(sketch, space=unique, mode="exhaustive", **asked).receipt
    here = client.rank_locally(sketch, folder, **asked).receipt
    assert here.model_fields_set == there.model_fields_set
    own = {"id", "created_at", "created_by", "seconds", "rows", "skipped", "identity_score"}
    assert here.model_dump(exclude=own) == there.model_dump(exclude=own)
    assert here.identity_score == pytest.approx(there.identity_score)
    assert [s.model_dump() for s in here.skipped] == [s.model_dump() for s in there.skipped]
    numbers = {"score", "gain", "log_bayes_factor", "standard_error"}
    assert [row.model_dump(exclude=numbers) for row in here.rows] == [
        row.model_dump(exclude=numbers) for row in there.rows
    ]
    for field in numbers:
        found = [getattr(row, field) for row in here.rows]
        assert found == pytest.approx([getattr(row, field) for row in there.rows], abs=1e-6)
