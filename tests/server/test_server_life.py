"""Aliases, yanks, deletion and editing: what each does to what others see."""

import base64
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from esm_client.core.scoring.sketch import TargetSketch


@pytest.fixture(name="client")
def _client(registry):
    with registry.client(registry.admin_token) as client:
        yield client


@pytest.fixture(name="esm")
def _esm(push, esm_directory, unique):
    """An ESM with three versions."""
    for seed in range(3):
        push(esm_directory(f"v{seed}", seed=seed), f"{unique}/a", space=unique).raise_for_status()
    return f"/v1/esms/{unique}/a"


def ranked(client, space):
    embeddings = np.random.default_rng(0).standard_normal((40, 16))
    sketch = TargetSketch.from_embeddings(embeddings, np.arange(40) % 2, kind="classification")
    body = {"space": space, "sketch": base64.b64encode(sketch.to_bytes()).decode()}
    response = client.post("/v1/rankings", json=body)
    assert response.status_code == 201, response.text
    return response.json()


def test_alias_moves_with_history_and_rolls_back(client, esm):
    for version in (1, 2):
        moved = client.put(f"{esm}/aliases/stable", json={"version": version})
        assert moved.json()["version"] == version
    assert client.get(f"{esm}/versions/stable").json()["version"] == 2
    assert client.get(f"{esm}/versions/2").json()["aliases"] == ["stable"]
    assert client.post(f"{esm}/aliases/stable/rollback").json()["version"] == 1
    moves = client.get(f"{esm}/aliases/stable/moves").json()["items"]
    assert [(m["from_version"], m["to_version"]) for m in moves] == [(2, 1), (1, 2), (None, 1)]
    assert client.delete(f"{esm}/aliases/stable").status_code == 204
    assert client.get(f"{esm}/versions/stable").status_code == 404
    assert len(client.get(f"{esm}/aliases/stable/moves").json()["items"]) == 4


def test_alias_that_somebody_moved_meanwhile(client, esm, problem):
    client.put(f"{esm}/aliases/stable", json={"version": 1, "expected": 0}).raise_for_status()
    late = client.put(f"{esm}/aliases/stable", json={"version": 3, "expected": 0})
    assert "points to 1" in problem(late, 409, "conflict")["detail"]
    assert client.get(f"{esm}/versions/stable").json()["version"] == 1


def test_two_writers_move_one_alias(registry, client, esm):
    client.put(f"{esm}/aliases/stable", json={"version": 1}).raise_for_status()

    def move(version):
        with registry.client(registry.admin_token) as own:
            body = {"version": version, "expected": 1}
            return own.put(f"{esm}/aliases/stable", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(move, [2, 3] * 8))
    assert sorted(answers) == [200] + [409] * 15
    moves = client.get(f"{esm}/aliases/stable/moves").json()["items"]
    assert len(moves) == 2
    assert moves[0]["to_version"] == client.get(f"{esm}/versions/stable").json()["version"]


@pytest.mark.parametrize(
    ("alias", "status"),
    [
        ("latest", 400),
        ("sha256", 400),
        ("3", 400),
        ("A", 400),
        ("\u0430", 400),
        (".x", 400),
        ("v1", 200),
    ],
)
def test_alias_names(client, esm, alias, status):
    assert client.put(f"{esm}/aliases/{alias}", json={"version": 1}).status_code == status


def test_alias_onto_a_yanked_version(client, esm, problem):
    client.put(f"{esm}/versions/2/yank", json={"reason": "leaked"}).raise_for_status()
    refused = client.put(f"{esm}/aliases/stable", json={"version": 2})
    assert "leaked" in problem(refused, 409, "yanked")["detail"]
    assert client.get(f"{esm}/aliases").json()["items"] == []


def test_yank_hides_a_version_but_not_its_digest(client, esm, unique, problem):
    client.put(f"{esm}/aliases/stable", json={"version": 3}).raise_for_status()
    yanked = client.put(f"{esm}/versions/3/yank", json={"reason": "wrong labels"}).json()
    assert yanked["yank"]["reason"] == "wrong labels"
    assert client.get(f"{esm}/versions/latest").json()["version"] == 2
    problem(client.get(f"{esm}/versions/stable"), 409, "yanked")
    digest = yanked["digest"]
    assert client.get(f"{esm}/versions/{digest}").json()["yank"]["reason"] == "wrong labels"
    assert client.get(f"{esm}/versions/{digest}/files/model.safetensors").status_code == 200
    rows = ranked(client, unique)["rows"]
    assert [row["reference"] for row in rows] == [f"{unique}/a@2"]
    assert client.delete(f"{esm}/versions/3/yank").json()["yank"] is None
    assert client.get(f"{esm}/versions/latest").json()["version"] == 3


def test_all_yanked(client, esm, unique, problem):
    for version in (1, 2, 3):
        client.put(f"{esm}/versions/{version}/yank", json={"reason": "all"}).raise_for_status()
    problem(client.get(f"{esm}/versions/latest"), 409, "yanked")
    assert ranked(client, unique)["rows"] == []
    assert client.get(esm).json()["latest"]["yank"]["reason"] == "all"


def test_old_receipts_tell_of_yanks_and_deletions(client, push, esm_directory, unique):
    for index in range(3):
        directory = esm_directory(f"e{index}", seed=index)
        push(directory, f"{unique}/e{index}", space=unique).raise_for_status()
    receipt = ranked(client, unique)
    base = f"/v1/esms/{unique}"
    client.put(f"{base}/e0/versions/1/yank", json={"reason": "leak"}).raise_for_status()
    assert client.delete(f"{base}/e1").status_code == 204
    again = client.get(f"/v1/rankings/{receipt['id']}").json()
    state = {
        row["reference"]: (row["yank"] and row["yank"]["reason"], row["deleted"])
        for row in again["rows"]
    }
    assert state == {
        f"{unique}/e0@1": ("leak", False),
        f"{unique}/e1@1": (None, True),
        f"{unique}/e2@1": (None, False),
    }
    assert [row["score"] for row in again["rows"]] == [row["score"] for row in receipt["rows"]]


def test_a_removed_member_s_receipt_tells_nothing_new(world):
    receipt = world.boss.ranks(world.space)
    boss = world.boss.token["user"]
    world.root.delete(f"/v1/namespaces/{world.ours}/members/{boss}").raise_for_status()

    def found(who):
        rows = who.get(f"/v1/rankings/{receipt['id']}").json()["rows"]
        return {
            row["reference"].partition("/")[0]: (row["yank"] is not None, row["deleted"])
            for row in rows
        }

    esms = [f"/v1/esms/{namespace}/esm" for namespace in (world.ours, world.theirs)]
    for esm in esms:
        world.root.send("PUT", f"{esm}/versions/1/yank", {"reason": "x"}).raise_for_status()
    assert found(world.boss) == {world.ours: (False, False), world.theirs: (True, False)}
    assert found(world.root) == {world.ours: (True, False), world.theirs: (True, False)}
    for esm in esms:
        world.root.delete(esm).raise_for_status()
    assert found(world.boss) == {world.ours: (False, False), world.theirs: (False, True)}
    assert found(world.root) == {world.ours: (False, True), world.theirs: (False, True)}


def test_deleted_numbers_are_not_given_again(client, esm, push, esm_directory, unique):
    client.put(f"{esm}/aliases/stable", json={"version": 3}).raise_for_status()
    assert client.delete(f"{esm}/versions/3").status_code == 204
    assert client.get(f"{esm}/versions/latest").json()["version"] == 2
    assert client.get(f"{esm}/aliases").json()["items"] == []
    fresh = push(esm_directory("v9", seed=9), f"{unique}/a", space=unique).json()
    assert fresh["version"] == 4
    for version in (1, 2, 4):
        client.delete(f"{esm}/versions/{version}").raise_for_status()
    assert client.get(esm).status_code == 404


def test_superseded_is_left_out_of_rankings(client, push, esm_directory, unique, problem):
    for index in range(2):
        directory = esm_directory(f"e{index}", seed=index)
        push(directory, f"{unique}/e{index}", space=unique).raise_for_status()
    old = f"/v1/esms/{unique}/e0"
    missing = client.patch(old, json={"superseded_by": f"{unique}/none"})
    problem(missing, 404, "not-found")
    changed = client.patch(old, json={"superseded_by": f"{unique}/e1"}).json()
    assert changed["superseded_by"] == f"{unique}/e1"
    assert [row["reference"] for row in ranked(client, unique)["rows"]] == [f"{unique}/e1@1"]
    client.patch(old, json={"superseded_by": ""}).raise_for_status()
    assert len(ranked(client, unique)["rows"]) == 2


def test_editing_makes_no_version_and_keeps_cards(client, esm, problem):
    before = client.get(f"{esm}/versions/3").json()
    source = {"location": "hub/reviews", "licence": "cc-by-4.0"}
    after = client.patch(f"{esm}/versions/3", json={"card": "# New", "source": source}).json()
    assert (after["card"], after["digest"]) == ("# New", before["digest"])
    assert after["source"]["licence"] == "cc-by-4.0"
    cards = client.get(f"{esm}/versions/3/cards").json()["items"]
    assert [card["card"] for card in cards] == [before["card"]]
    assert client.patch(esm, json={"tags": ["b", "a"], "description": "x"}).json()["tags"] == [
        "a",
        "b",
    ]
    assert client.get(esm).json()["num_versions"] == 3
    large = client.patch(f"{esm}/versions/3", json={"card": "x" * (256 * 2**10 + 1)})
    problem(large, 413, "too-large")
    assert client.get(f"{esm}/versions/3").json()["card"] == "# New"


def test_a_page_of_cards_is_short(client, push, esm_directory, unique):
    """Each may be a quarter of a megabyte, several times that as JSON."""
    push(esm_directory(unique), f"{unique}/a", space=unique).raise_for_status()
    path = f"/v1/esms/{unique}/a/versions/1"
    for number in range(10):
        client.patch(path, json={"card": f"card {number}"}).raise_for_status()
    first = client.get(f"{path}/cards?limit=200").json()
    assert len(first["items"]) == 8
    rest = client.get(f"{path}/cards", params={"limit": 200, "after": first["next"]}).json()
    assert rest["next"] is None
    cards = [card["card"] for card in [*first["items"], *rest["items"]]]
    assert cards == [*(f"card {number}" for number in range(8, -1, -1)), f"# {unique}\n"]


def test_a_card_of_ten_megabytes(client, esm, problem):
    response = client.patch(f"{esm}/versions/3", json={"card": "x" * 10**7})
    problem(response, 413, "too-large")


def test_audit_log_holds_every_change(client, esm, unique):
    client.put(f"{esm}/aliases/stable", json={"version": 1}).raise_for_status()
    client.put(f"{esm}/versions/2/yank", json={"reason": "r"}).raise_for_status()
    client.delete(f"{esm}/versions/3").raise_for_status()
    events = client.get("/v1/audit", params={"namespace": unique}).json()["items"]
    assert [event["action"] for event in events] == [
        "esm.delete", "esm.yank", "alias.move", *["esm.publish"] * 3, "namespace.create",
    ]  # fmt: skip
    only = client.get("/v1/audit", params={"namespace": unique, "action": "alias"}).json()["items"]
    assert [event["subject"] for event in only] == [f"{unique}/a@stable"]
    assert only[0]["digest"] == client.get(f"{esm}/versions/1").json()["digest"]
