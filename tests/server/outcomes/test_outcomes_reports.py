"""Outcomes of rankings over HTTP, and the ledger that follows from them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from esm_client.core.scoring.evidence import SCORE_NAME

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_an_outcome_is_stored_with_its_rank(rank, client):
    ranked = rank()
    ranks = {"text-embedding": 1, "size": 3}
    response = ranked.report(1, 0.75, metric_name="macro-f1", seed=7, method_ranks=ranks)
    assert response.status_code == 201, response.text
    outcome = response.json()
    assert outcome | {"reported_at": "", "reported_by": ""} == {
        "ranking": ranked.receipt["id"],
        "reference": ranked.sources[1],
        "rank": 2,
        "shielded": False,
        "metric": 0.75,
        "metric_name": "macro-f1",
        "seed": 7,
        "method_ranks": ranks,
        "reported_at": "",
        "reported_by": "",
    }
    assert outcome["reported_by"] == client.get("/v1/whoami").json()["name"]
    baseline = ranked.report(None, 0.5).json()
    assert (baseline["reference"], baseline["rank"], baseline["seed"]) == (None, None, None)
    assert baseline["metric_name"] == "accuracy"
    assert client.get(ranked.path).json() == {"items": [outcome, baseline], "next": None}


def test_a_rank_without_copies_is_told_beside_the_one_in_the_receipt(rank, client):
    ranked = rank()
    shielded = ranked.report(2, 0.75, rank=1).json()
    assert (shielded["rank"], shielded["shielded"]) == (1, True)
    plain = ranked.report(1, 0.5).json()
    assert (plain["rank"], plain["shielded"]) == (2, False)
    assert client.get(ranked.path).json()["items"] == [shielded, plain]
    own = ranked.ledger()[SCORE_NAME]
    # the order is that of the receipt, whoever knows of copies
    assert own["regret_at_1"] == pytest.approx(100 * 0.25 / 0.75)
    assert (own["num_outcomes"], own["num_unshielded"]) == (2, 1)
    again = ranked.report(2, 0.75).json()  # from a machine that does not know
    assert (again["rank"], again["shielded"]) == (3, False)


def test_the_same_again_replaces_what_was_told(rank, client):
    ranked = rank()
    ranked.report(0, 0.5, seed=1)
    ranked.report(None, 0.4)
    different = [{"seed": 2}, {"metric_name": "f1", "seed": 1}, {}]
    for fields in different:
        ranked.report(0, 0.6, **fields)
    again = ranked.report(0, 0.9, seed=1, method_ranks={"size": 2})
    assert again.status_code == 201
    ranked.report(None, 0.45)
    found = client.get(ranked.path).json()["items"]
    assert len(found) == 2 + len(different)
    assert found[0] == again.json()
    assert [one["metric"] for one in found] == [0.9, 0.45, 0.6, 0.6, 0.6]


def test_taken_back_are_ones_own_in_one_metric(rank, client, registry):
    ranked = rank()
    for seed in (1, 2):
        ranked.report(0, 0.5, seed=seed)
    kept = [ranked.report(None, 0.4, metric_name="f1").json()]
    with registry.client(registry.admin_token) as admin:
        told = {"reference": ranked.sources[1], "metric": 0.9}
        kept.append(admin.post(ranked.path, json=told).json())
        assert client.delete(f"{ranked.path}/accuracy").status_code == 204
        assert client.get(ranked.path).json()["items"] == kept
        assert client.delete(f"{ranked.path}/accuracy").status_code == 204  # nothing is left
        params = {"action": "outcome.withdraw", "subject": ranked.receipt["id"]}
        (event,) = admin.get("/v1/audit", params=params).json()["items"]
    assert event["detail"] == {"metric_name": "accuracy", "outcomes": 2}


def test_a_report_sent_many_times_at_once_is_stored_once(rank, client):
    ranked = rank()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda metric: ranked.report(0, metric / 10), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    (stored,) = client.get(ranked.path).json()["items"]
    assert stored["metric"] in [metric / 10 for metric in range(8)]


def test_pages(rank, client):
    ranked = rank()
    for seed in range(5):
        ranked.report(0, 0.5, seed=seed)
    first = client.get(ranked.path, params={"limit": 3}).json()
    rest = client.get(ranked.path, params={"limit": 3, "after": first["next"]}).json()
    seeds = [one["seed"] for page in (first, rest) for one in page["items"]]
    assert (seeds, rest["next"]) == ([0, 1, 2, 3, 4], None)


def test_ledger_of_three_rankings(rank, registry):
    first, second, third = rank(0), rank(1), rank(2)
    # means 0.6, 0.8, 0.4, baseline 0.7: the first choice falls short by a quarter, and of none
    for seed, metric in ((1, 0.5), (2, 0.7)):
        first.report(0, metric, seed=seed, method_ranks={"size": 3})
    first.report(1, 0.8, method_ranks={"size": 1})
    first.report(2, 0.4, method_ranks={"size": 2})
    first.report(None, 0.7)
    # all four: the best comes last; and in another metric that has nothing to do with it, first
    for source, metric in enumerate((0.5, 0.5, 0.5, 1.0)):
        second.report(source, metric)
    second.report(0, 30.0, metric_name="bleu")
    second.report(3, 20.0, metric_name="bleu")
    # the winner against the baseline
    third.report(0, 0.9)
    third.report(None, 0.8)
    ledger = first.ledger()
    assert set(ledger) == {SCORE_NAME, "size"}
    own, other = ledger[SCORE_NAME], ledger["size"]
    assert own["regret_at_1"] == pytest.approx((25.0 + (50.0 + 0.0) / 2) / 2)
    assert own["regret_at_3"] == pytest.approx(50.0)  # of the second alone
    assert own["regret_at_5"] is None
    assert own["better_than_none"] == pytest.approx(1 / 2)  # the third, not the first
    counts = ("num_rankings", "num_with_baseline", "num_outcomes")
    assert [own[name] for name in counts] == [2, 2, 5 + 6 + 2]
    assert (other["regret_at_1"], other["regret_at_3"]) == (0.0, None)
    assert other["better_than_none"] == 1.0
    assert [other[name] for name in counts] == [1, 1, 5]
    with registry.client(registry.read_token) as stranger:
        answer = stranger.get(f"/v1/spaces/{first.space}/ledger")
    assert [entry["method"] for entry in answer.json()["entries"]] == [SCORE_NAME, "size"]
    secrets = [first.receipt["id"], *first.sources, first.receipt["created_by"]]
    assert not [secret for secret in secrets if secret in answer.text]


def test_a_new_report_changes_the_ledger(rank):
    ranked = rank()
    assert ranked.ledger() == {}
    ranked.report(0, 0.5)
    assert ranked.ledger() == {}
    ranked.report(1, 1.0)
    assert ranked.ledger()[SCORE_NAME]["regret_at_1"] == pytest.approx(50.0)
    ranked.report(0, 0.75)
    assert ranked.ledger()[SCORE_NAME]["regret_at_1"] == pytest.approx(25.0)


def test_an_esm_that_was_deleted_since(rank, client, registry):
    ranked = rank()
    ranked.report(0, 0.5)
    gone = ranked.sources[1].partition("@")[0]
    with registry.client(registry.admin_token) as admin:
        for source in ranked.sources[:2]:
            path = f"/v1/esms/{source.partition('@')[0]}"
            assert admin.delete(path).status_code == 204
    assert client.get(f"/v1/esms/{gone}").status_code == 404
    response = ranked.report(1, 0.8)
    assert (response.status_code, response.json()["rank"]) == (201, 2)
    assert len(client.get(ranked.path).json()["items"]) == 2
    assert ranked.ledger()[SCORE_NAME]["regret_at_1"] == pytest.approx(37.5)


def test_a_report_is_in_the_audit_log(rank, client, registry):
    ranked = rank()
    ranked.report(0, 0.5, seed=3)
    ranked.report(0, 0.6, seed=3)
    ranked.report(None, 0.4)
    with registry.client(registry.admin_token) as admin:
        params = {"action": "outcome", "subject": ranked.receipt["id"]}
        baseline, again, first = admin.get("/v1/audit", params=params).json()["items"]
    told = {"reference": ranked.sources[0], "metric_name": "accuracy", "seed": 3}
    assert first["detail"] == {**told, "metric": 0.5, "again": False}
    assert again["detail"] == {**told, "metric": 0.6, "again": True}
    assert first["digest"] == ranked.receipt["rows"][0]["digest"]
    assert first["user"] == client.get("/v1/whoami").json()["name"]
    assert first["namespace"] is None, "admins of the ESM's namespace do not learn who tried it"
    assert (baseline["action"], baseline["digest"]) == ("outcome.report", None)
