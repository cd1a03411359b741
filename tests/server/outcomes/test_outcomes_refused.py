"""Outcomes that cannot be reported, and who may not report or read them."""

from uuid import uuid4

import pytest
from sqlmodel import col, select

from esm_client.core.limits import MAX_METHOD_RANKS, MAX_OUTCOMES
from esm_client.core.scoring.evidence import SCORE_NAME
from esm_server.db import OutcomeRow, RankingJobRow, RankingRow

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

BASELINE = {"reference": None, "metric": 0.5}


def test_a_source_that_is_not_in_the_receipt(rank, client, problem, unique):
    ranked = rank()

    def refused(reference):
        return problem(
            client.post(ranked.path, json={"reference": reference, "metric": 0.5}),
            400,
            "invalid-input",
        )

    name = ranked.sources[2].partition("@")[0]
    for wrong in (name, f"{name}@2"):
        found = refused(wrong)
        assert f"'{wrong}' is not among the source tasks" in found["detail"]
        assert found["hint"] == f"Name one as it stands there: {name}@1, ..."
    for wrong in ("", "none", "elsewhere/x@1", "x" * 300, "a\0b"):
        assert ranked.sources[0] in refused(wrong)["hint"]
    assert "301" not in refused("x" * 301)["detail"]
    assert client.get(ranked.path).json()["items"] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"metric": "NaN"},
        {"metric": "Infinity"},
        {"metric": 1e10},
        {"metric": None},
        {"metric": "good"},
        {"metric_name": ""},
        {"metric_name": "Accuracy"},
        {"metric_name": "a" * 51},
        {"metric_name": "a\n"},
        {"metric_name": "\x1b[2J"},
        {"seed": -1},
        {"seed": 2**53 + 1},
        {"seed": 0.5},
        {"method_ranks": {"size": 0}},
        {"method_ranks": {"size": 10**6 + 1}},
        {"method_ranks": {"Size!": 1}},
        {"method_ranks": {f"m{n}": 1 for n in range(MAX_METHOD_RANKS + 1)}},
        {"method_ranks": {SCORE_NAME: 1}},
        {"method_ranks": [1]},
        {"reference": 3},
        {"rank": 0},
        {"rank": 2},
        {"rank": -1},
        {"rank": 1.5},
        {"rank": 10**6 + 1},
        {"extra": 1},
    ],
    ids=str,
)
def test_wrong_input(rank, client, problem, fields):
    ranked = rank()
    told = {"reference": ranked.sources[0], "metric": 0.5, **fields}
    problem(client.post(ranked.path, json=told), 400, "invalid-input")
    assert client.get(ranked.path).json()["items"] == []


@pytest.mark.parametrize(
    ("metric", "name", "hint"),
    [(87, "accuracy", "Did you mean 0.87?"), (100, "macro-f1", "Did you mean 1?"),
     (-0.1, "accuracy", "another name"), (870, "recall", "another name")],
)  # fmt: skip
def test_a_share_goes_from_0_to_1(rank, problem, metric, name, hint):
    found = problem(rank().report(0, metric, metric_name=name), 400, "invalid-input")
    assert found["detail"] == f"{name} is {metric:g}, and goes from 0 to 1."
    assert hint in found["hint"]


def test_what_is_no_share_may_be_anything(rank):
    ranked = rank()
    for name in ("accuracy-percent", "neg-mse", "bleu"):
        assert ranked.report(0, -87, metric_name=name).status_code == 201
    assert {ranked.report(0, bound).status_code for bound in (0, 1)} == {201}


def test_a_missing_reference_is_not_the_baseline(rank, client, problem):
    problem(client.post(rank().path, json={"metric": 0.5}), 400, "invalid-input")


def test_the_baseline_has_no_ranks(rank, problem):
    detail = problem(rank().report(None, 0.5, method_ranks={"size": 1}), 400, "invalid-input")
    assert "without a source has no ranks" in detail["detail"]


def test_the_baseline_has_no_rank_without_copies(rank, problem):
    detail = problem(rank().report(None, 0.5, rank=1), 400, "invalid-input")
    assert "without a source has no ranks, and 1 came" in detail["detail"]


def test_leaving_copies_out_makes_no_rank_larger(rank, client, problem):
    ranked = rank()
    told = problem(ranked.report(1, 0.5, rank=3), 400, "invalid-input")
    assert told["detail"] == (
        f"{ranked.sources[1]} has the rank 2 in the receipt, and 3 without copies of the target."
    )
    assert client.get(ranked.path).json()["items"] == []
    assert ranked.report(1, 0.5, rank=2).status_code == 201


def test_who_may_report(rank, registry, problem):
    ranked = rank()
    ranked.report(0, 0.5)
    for token in (registry.read_token, registry.create_token("write")):
        with registry.client(token) as stranger:
            problem(stranger.get(ranked.path), 404, "not-found")
    with registry.client(registry.create_token("write")) as stranger:
        found = problem(stranger.post(ranked.path, json=BASELINE), 404, "not-found")
        assert found["detail"] == f"There is no ranking '{ranked.receipt['id']}' of yours."
    with registry.client(registry.read_token) as reader:
        problem(reader.post(ranked.path, json=BASELINE), 403, "forbidden")
    for token, status in ((registry.read_token, 403), (registry.create_token("write"), 404)):
        with registry.client(token) as stranger:
            assert stranger.delete(f"{ranked.path}/accuracy").status_code == status
    with registry.client() as nobody:
        for answer in (nobody.post(ranked.path, json=BASELINE), nobody.get(ranked.path)):
            problem(answer, 401, "unauthorized")
        problem(nobody.get(f"/v1/spaces/{ranked.space}/ledger"), 401, "unauthorized")
    with registry.client(registry.admin_token) as admin:
        assert admin.post(ranked.path, json=BASELINE).status_code == 201
        assert len(admin.get(ranked.path).json()["items"]) == 2


def test_no_such_ranking_and_no_such_space(client, problem, unique):
    path = f"/v1/rankings/{unique}/outcomes"
    problem(client.get(path), 404, "not-found")
    problem(client.post(path, json=BASELINE), 404, "not-found")
    problem(client.get(f"/v1/spaces/{unique}/ledger"), 404, "not-found")
    problem(client.get("/v1/spaces/A!/ledger"), 400, "invalid-name")


def test_a_ranking_without_a_receipt(rank, database, registry, problem):
    ranked = rank()
    job = uuid4().hex
    with database.write() as session:
        row = session.exec(
            select(RankingRow).where(col(RankingRow.id) == ranked.receipt["id"])
        ).one()
        state = {"state": "cancelled", "request": {}, "sketch": None, "problem": None}
        session.add(RankingJobRow(id=job, token_id=row.token_id, **state))
    path = f"/v1/rankings/{job}/outcomes"
    for answer in (ranked.client.post(path, json=BASELINE), ranked.client.get(path)):
        assert "is cancelled" in problem(answer, 409, "conflict")["detail"]
    with registry.client(registry.create_token("write")) as stranger:
        problem(stranger.get(path), 404, "not-found")


def test_a_ranking_has_room_for_so_many(rank, database, problem):
    ranked = rank()
    ranked.report(0, 0.5)
    with database.write() as session:
        first = session.exec(
            select(OutcomeRow).where(col(OutcomeRow.ranking_id) == ranked.receipt["id"])
        ).one()
        same = first.model_dump(exclude={"id", "seed"})
        session.add_all(OutcomeRow(**same, seed=seed) for seed in range(1, MAX_OUTCOMES))
    problem(ranked.report(1, 0.5), 413, "too-large")
    assert ranked.report(0, 0.6, seed=5).status_code == 201, "what is there can be corrected"
