"""A token that is limited to a namespace sees and does nothing outside of it.

Whatever its user may: boss administers both namespaces of the world, and made its space.
"""

import base64
import os

import numpy as np
import pytest
from support.artifacts import make_esm
from support.people import ranking_of
from support.waiting import until

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.artifact.manifest import digest_bytes


@pytest.fixture(name="limited")
def _limited(world):
    """boss's token for `theirs` alone."""
    return world.boss.makes_token(namespace=world.theirs)


@pytest.fixture(name="receipt")
def _receipt(world):
    """What boss ranked with an unlimited token."""
    receipt = world.boss.ranks(world.space)
    references = {row["reference"] for row in receipt["rows"]}
    assert references == {f"{world.ours}/esm@1", f"{world.theirs}/esm@1"}
    return receipt


class TestReceipts:
    def test_those_of_a_wider_token_are_not_there(self, limited, receipt, problem):
        path = f"/v1/rankings/{receipt['id']}"
        for method, rest in (("GET", ""), ("GET", "/events"), ("DELETE", ""), ("GET", "/outcomes")):
            problem(limited.send(method, path + rest), 404, "not-found")

    def test_nor_one_on_its_way(self, world, limited, problem):
        job = world.boss.post("/v1/rankings", ranking_of(world.space, seed=3, wait=0)).json()
        for method, rest in (("GET", ""), ("GET", "/events"), ("DELETE", "")):
            problem(limited.send(method, f"/v1/rankings/{job['id']}{rest}"), 404, "not-found")
        until(lambda: world.boss.get(f"/v1/rankings/{job['id']}").status_code == 200)

    def test_those_of_another_limit_are_not_there(self, world, limited, problem):
        ours = world.boss.makes_token("read", namespace=world.ours)
        path = f"/v1/rankings/{limited.ranks(world.space)['id']}"
        problem(ours.get(path), 404, "not-found")
        for who in (limited, world.boss, world.boss.makes_token("read", namespace=world.theirs)):
            assert who.get(path).status_code == 200

    def test_it_ranks_what_lies_within(self, world, limited):
        receipt = limited.ranks(world.space)
        assert [row["reference"] for row in receipt["rows"]] == [f"{world.theirs}/esm@1"]
        assert receipt["pool_size"] == 1

    def test_also_of_an_admin_of_the_registry(self, world, receipt, problem):
        limited = world.root.makes_token(namespace=world.theirs)
        problem(limited.get(f"/v1/rankings/{receipt['id']}"), 404, "not-found")
        rows = limited.ranks(world.space)["rows"]
        assert [row["reference"] for row in rows] == [f"{world.theirs}/esm@1"]


class TestOutcomes:
    def test_of_a_wider_ranking_it_tells_and_takes_back_nothing(
        self, world, limited, receipt, problem
    ):
        path, told = f"/v1/rankings/{receipt['id']}/outcomes", {"reference": None, "metric": 0.5}
        world.boss.post(path, told).raise_for_status()
        problem(limited.post(path, {**told, "metric": 0.1}), 404, "not-found")
        problem(limited.delete(f"{path}/accuracy"), 404, "not-found")
        assert [one["metric"] for one in world.boss.get(path).json()["items"]] == [0.5]

    def test_of_its_own_it_does(self, world, limited):
        path = f"/v1/rankings/{limited.ranks(world.space)['id']}/outcomes"
        limited.post(path, {"reference": None, "metric": 0.5}).raise_for_status()
        assert limited.delete(f"{path}/accuracy").status_code == 204


class TestSpaces:
    @pytest.mark.parametrize(
        "change", [{"retired": True}, {"location": "https://evil.example"}, {"successor": ""}]
    )
    def test_it_changes_none_of_its_users(self, world, limited, change, problem):
        path = f"/v1/spaces/{world.space}"
        shown = problem(limited.patch(path, change), 403, "forbidden")
        assert f"{world.theirs!r} only" in shown["detail"]
        assert world.boss.patch(path, {"location": "/mnt"}).status_code == 200

    def test_it_makes_none_by_hand(self, world, limited, problem):
        body = {"name": f"{world.space}-new", "fingerprint": world.fingerprint()}
        problem(limited.post("/v1/spaces", body), 403, "forbidden")
        assert world.boss.post("/v1/spaces", body).status_code == 201

    def test_a_push_into_its_namespace_may_found_one(self, world, limited, problem):
        limited.pushes(world.esm(7), f"{world.theirs}/new", space=f"{world.space}-new")
        path = f"/v1/spaces/{world.space}-new"
        problem(limited.patch(path, {"retired": True}), 403, "forbidden")
        assert world.boss.patch(path, {"retired": True}).status_code == 200


class TestTokens:
    def test_whoami_tells_of_one_namespace(self, world, limited):
        assert limited.get("/v1/whoami").json()["roles"] == {world.theirs: "admin"}
        both = world.boss.get("/v1/whoami").json()["roles"]
        assert both == {world.ours: "admin", world.theirs: "admin"}

    def test_it_lists_those_of_its_limit(self, world, limited):
        world.boss.makes_token("read", namespace=world.ours, name="a-secret-project")
        for path in ("/v1/tokens", f"/v1/tokens?user={limited.token['user']}"):
            listed = limited.get(path).json()["items"]
            assert [one["id"] for one in listed] == [limited.token["id"]]
        assert len(world.boss.get("/v1/tokens").json()["items"]) == 3

    def test_it_ends_none_outside(self, world, limited, problem):
        ours = world.boss.makes_token("read", namespace=world.ours)
        for other in (world.boss, ours):
            problem(limited.rotates(other), 404, "not-found")
            problem(limited.revokes(other), 404, "not-found")
            assert other.is_let_in()

    def test_it_makes_none_outside(self, world, limited, problem):
        for namespace in (None, world.ours):
            problem(limited.asks_for_token("read", namespace=namespace), 403, "forbidden")
            body = {"user": "ci", "kind": "robot", "namespace": namespace}
            problem(limited.asks_for_token("read", **body), 403, "forbidden")

    def test_it_sees_robots_of_its_namespace_alone(self, world, limited, problem):
        ours = world.anna.makes_robot("ci", world.ours)
        theirs = world.mallory.makes_robot("ci", world.theirs)
        problem(limited.get(f"/v1/tokens?user={ours.token['user']}"), 403, "forbidden")
        assert limited.get(f"/v1/tokens?user={theirs.token['user']}").status_code == 200

    def test_also_of_an_admin_of_the_registry(self, world, problem):
        limited = world.root.makes_token(namespace=world.theirs)
        problem(limited.get(f"/v1/tokens?user={world.anna.token['user']}"), 403, "forbidden")
        problem(limited.get("/v1/users"), 403, "forbidden")
        problem(limited.asks_for_token(user="eve", namespace=world.theirs), 403, "forbidden")
        problem(limited.revokes(world.anna), 404, "not-found")
        listed = limited.get("/v1/tokens").json()["items"]
        assert {one["namespace"] for one in listed} == {world.theirs}


class TestContent:
    """What is told of ESMs: each answer to boss names both namespaces, that to the token one."""

    @pytest.fixture(name="made")
    def _made(self, world):
        """The digests of an ESM in either namespace that has sketches of rows, and a mean text."""
        digests = {}
        for seed, namespace in enumerate((world.ours, world.theirs), start=20):
            rows = [["one"], [f"row {seed}"]]
            plain = EsmArtifact.read(make_esm(world.folder, f"e-{seed}", seed=seed, rows=rows))
            summary = {**plain.summary, "text_embedding": np.ones(16, dtype=np.float32)}
            with_text = EsmArtifact(plain.config, plain.map, summary, plain.card)
            folder = with_text.write(world.folder / f"with-text-{seed}")
            pushed = world.boss.pushes(folder, f"{namespace}/made", space=world.space)
            digests[namespace] = pushed.json()["digest"]
        return digests

    def namespaces(self, world, answer):
        """Those that an answer names."""
        assert answer.status_code == 200, answer.text
        return {one for one in (world.ours, world.theirs) if one.encode() in answer.content}

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/esms/facets?space={space}",
            "/v1/spaces/{space}/live",
            "/v1/spaces/{space}/pack?{keys}",
            "/v1/esms/{theirs}/made/versions/1/similar",
        ],
    )
    def test_what_is_read(self, world, limited, made, path):
        live = world.boss.get(f"/v1/spaces/{world.space}/live").json()["live"]
        assert {one["digest"] for one in live} > set(made.values())
        keys = "&".join(f"key={one['key']}" for one in live)
        asked = path.format(space=world.space, theirs=world.theirs, keys=keys)
        assert self.namespaces(world, world.boss.get(asked)) == {world.ours, world.theirs}
        assert self.namespaces(world, limited.get(asked)) == {world.theirs}

    def test_neighbours_of_texts(self, world, limited, made):
        encoded = base64.b64encode(np.ones(16, dtype="<f4").tobytes()).decode()
        body = {"space": world.space, "embedding": encoded, "limit": len(made)}
        answers = [who.post("/v1/similar", body) for who in (world.boss, limited)]
        assert self.namespaces(world, answers[0]) == {world.ours, world.theirs}
        assert self.namespaces(world, answers[1]) == {world.theirs}

    def test_sketches_of_sources(self, world, limited, made):
        def found(who):
            answer = who.post("/v1/source-sketches", {"digests": list(made.values())})
            return {one["digest"] for one in answer.json()["items"]}

        assert found(world.boss) == set(made.values())
        assert found(limited) == {made[world.theirs]}


class TestTheRest:
    def test_the_log_of_its_namespace(self, world, limited):
        seen = limited.get("/v1/audit?limit=200").json()["items"]
        assert {event["namespace"] for event in seen} == {world.theirs}

    @pytest.mark.parametrize(
        ("path", "field"),
        [("/v1/namespaces?after={}", "name"), ("/v1/esms?space={}", "namespace")],
    )
    def test_what_is_listed(self, world, limited, path, field):
        def listed(who):
            items = who.get(f"{path.format(world.space)}&limit=200").json()["items"]
            return {one[field] for one in items if one[field].startswith(world.space)}

        assert listed(world.boss) == {world.ours, world.theirs}
        assert listed(limited) == {world.theirs}

    def test_how_much_a_space_holds(self, world, limited):
        def counts(who):
            path = f"/v1/spaces?limit=200&after={world.space[:-1]}"
            items = who.get(path).json()["items"]
            listed = [one["num_esms"] for one in items if one["name"] == world.space]
            return [*listed, who.get(f"/v1/spaces/{world.space}").json()["num_esms"]]

        assert counts(world.boss) == [2, 2]
        assert counts(limited) == [1, 1]

    def test_how_good_rankings_were(self, world, limited, receipt):
        def reported(who, ranking):
            for source, metric in ((None, 0.5), (ranking["rows"][0]["reference"], 0.6)):
                told = {"reference": source, "metric": metric}
                who.post(f"/v1/rankings/{ranking['id']}/outcomes", told).raise_for_status()

        def compared(who):
            ledger = who.get(f"/v1/spaces/{world.space}/ledger").json()
            return [entry["num_with_baseline"] for entry in ledger["entries"]]

        reported(world.boss, receipt)
        assert (compared(world.boss), compared(limited)) == ([1], [])
        reported(limited, limited.ranks(world.space))
        assert (compared(world.boss), compared(limited)) == ([2], [1])

    def test_an_upload_that_was_interrupted_elsewhere(self, world, limited):
        """Its user could go on with it, and so would have a file of which they know the end."""
        content = os.urandom(200_000)
        digest = digest_bytes(content)

        def cut_off():
            yield content[:100_000]
            raise RuntimeError("cut off")

        path = f"/v1/namespaces/{world.ours}/blobs/{digest}"
        whole = {"Content-Range": "bytes 0-199999/200000"}
        with pytest.raises(RuntimeError, match="cut off"), world.boss.client() as client:
            client.put(path, content=cut_off(), headers=whole)
        with world.boss.client() as client:
            until(lambda: client.head(path).headers.get("Upload-Offset") == "100000")
        path = f"/v1/namespaces/{world.theirs}/blobs/{digest}"
        rest = {"Content-Range": "bytes 100000-199999/200000"}
        with limited.client() as client:
            assert client.head(path).headers["Upload-Offset"] == "0"
            assert client.put(path, content=content[100_000:], headers=rest).status_code == 409
