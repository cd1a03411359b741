"""Rankings against a real server, and the object that holds one."""

import numpy as np
import pytest

from esm_client import Client, Ranking, TargetSketch
from esm_client.core import errors
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.schemas import RankingReceipt
from esm_client.ranking.cautions import CopiesWarning

HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture(name="space", scope="module")
def _space() -> str:
    return "ranking-tests-16"


@pytest.fixture(name="pool", autouse=True)
def _pool(client, esm_directory, space):
    """Three ESMs of one space, the same for every test of this file."""
    directories = [
        esm_directory(f"r{seed}", seed=seed, data_set=HOSTILE if seed == 0 else None)
        for seed in range(3)
    ]
    for seed, directory in enumerate(directories):
        client.push(directory, f"ranking-tests/r{seed}", space=space)
    return directories


@pytest.fixture(name="target", scope="module")
def _target() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    embeddings = rng.standard_normal((400, 16))
    return embeddings, (embeddings[:, 0] + 0.1 * rng.standard_normal(400) > 0).astype(int)


@pytest.fixture(name="sketch")
def _sketch(target) -> TargetSketch:
    return TargetSketch.from_embeddings(*target, kind="classification")


@pytest.fixture(name="ranking")
def _ranking(client, sketch, space) -> Ranking:
    return client.rank(sketch, space=space)


class TestRank:
    def test_scores_are_those_of_the_sketch(self, ranking, sketch, pool):
        expected = {}
        for seed, directory in enumerate(pool):
            affine = EsmArtifact.read(directory).map
            score = sketch.log_maximum_evidence(affine.weight, affine.bias)
            expected[f"ranking-tests/r{seed}@1"] = score
        assert {row.reference: row.score for row in ranking} == pytest.approx(expected, abs=1e-8)
        identity = sketch.identity_log_maximum_evidence()
        assert ranking.identity_score == pytest.approx(identity, abs=1e-8)
        assert [row.rank for row in ranking] == [1, 2, 3]
        assert sorted((row.score for row in ranking), reverse=True) == [
            row.score for row in ranking
        ]

    def test_without_intercept(self, client, sketch, space):
        ranking = client.rank(sketch, space=space, intercept=False)
        identity = sketch.identity_log_maximum_evidence(intercept=False)
        assert ranking.identity_score == pytest.approx(identity, abs=1e-8)
        assert not ranking.receipt.intercept

    def test_bytes_are_a_sketch_too(self, client, sketch, space, ranking):
        again = client.rank(sketch.to_bytes(), space=space)
        assert [row.score for row in again] == [row.score for row in ranking]

    def test_fingerprint_verifies(self, client, sketch, space, pool, ranking):
        fingerprint = EsmArtifact.read(pool[0]).fingerprint
        assert client.rank(sketch, space=space, fingerprint=fingerprint).space_verified
        assert not ranking.space_verified

    def test_wrong_canaries(self, client, sketch, space, esm_directory):
        other = EsmArtifact.read(esm_directory("other", space_seed=3)).fingerprint
        with pytest.raises(errors.SpaceMismatch, match="canary sentence 0"):
            client.rank(sketch, space=space, fingerprint=other)

    def test_wrong_dimension(self, client, target, space):
        narrow = TargetSketch.from_embeddings(target[0][:, :4], target[1], kind="classification")
        with pytest.raises(errors.DimensionMismatch, match="4"):
            client.rank(narrow, space=space)

    def test_one_class(self, client, target, space):
        flat = TargetSketch.from_embeddings(target[0], target[1] * 0, kind="classification")
        with pytest.raises(errors.InvalidLabels):
            client.rank(flat, space=space)

    def test_unknown_space(self, client, sketch):
        with pytest.raises(errors.NotFound):
            client.rank(sketch, space="no-such-space")

    def test_not_a_sketch(self, client, space):
        with pytest.raises(errors.InvalidSketch):
            client.rank(b"nonsense", space=space)

    def test_receipt_again(self, client, ranking, registry):
        with pytest.warns(CopiesWarning):
            assert client.ranking(ranking.id) == ranking
        with Client(registry.url, registry.admin_token) as admin:
            with pytest.warns(CopiesWarning):
                assert admin.ranking(ranking.id).receipt == ranking.receipt
        with pytest.raises(errors.NotFound):
            client.ranking("no/such ranking")


class TestSequence:
    def test_rows(self, ranking):
        assert len(ranking) == 3
        assert ranking[0] is ranking.best
        assert ranking[-1].rank == 3
        assert list(ranking[1:]) == [ranking[1], ranking[2]]
        assert isinstance(ranking[:2], Ranking)
        assert ranking.top(2) == ranking[:2]
        assert len(ranking.top(99)) == 3
        assert len(ranking.top(0)) == 0
        assert ranking.top(1).receipt.rows == ranking.receipt.rows
        assert hash(ranking.top(3)) == hash(ranking)
        with pytest.raises(IndexError):
            ranking[3]

    def test_nothing_can_be_changed(self, ranking):
        with pytest.raises(AttributeError):
            ranking.best = ranking[1]
        with pytest.raises(TypeError):
            ranking[0] = ranking[1]

    def test_empty(self, ranking):
        empty = Ranking(ranking.receipt.model_copy(update={"rows": []}))
        with pytest.raises(errors.NotFound, match="has no rows"):
            _ = empty.best
        assert repr(empty).startswith("Ranking ")
        assert "<table>" in empty._repr_html_()
        assert empty.to_pandas().shape[0] == 0

    def test_to_pandas(self, ranking):
        pytest.importorskip("pandas")
        frame = ranking.to_pandas()
        assert list(frame["reference"]) == [row.reference for row in ranking]
        assert list(frame["data_set"]) == [row.task.data_set for row in ranking]
        assert frame["score"].dtype == np.float64
        assert frame["tied"].dtype == bool

    def test_repr(self, ranking):
        lines = repr(ranking).splitlines()
        assert lines[0].startswith(f"Ranking {ranking.id}: 3 ESMs of ranking-tests-16 for 400 rows")
        assert lines[0].endswith("space unverified")
        assert lines[1].startswith("Whether these sources hold copies of your data is not known")
        assert lines[2].split() == [
            "rank",
            "reference",
            "task",
            "score",
            "gain",
            "log",
            "BF",
            "tie",
        ]
        assert [line.split()[0] for line in lines[3:6]] == ["1", "2", "3"]
        assert "to compare within this ranking only" in lines[6]
        assert "\x1b" not in repr(ranking)

    def test_html(self, ranking):
        html = ranking._repr_html_()
        assert "<script>" not in html
        assert "&lt;script&gt;" in html
        assert html.count("<tr>") == 4

    def test_long_ones_are_cut(self, ranking):
        receipt = ranking.receipt
        rows = [receipt.rows[0].model_copy(update={"rank": rank}) for rank in range(1, 31)]
        long = Ranking(RankingReceipt.model_validate({**receipt.model_dump(), "rows": rows}))
        assert "… and 10 more rows" in repr(long)
        assert long._repr_html_().count("<tr>") == 21
