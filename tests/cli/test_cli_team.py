"""What a team does at the command line: tokens, namespaces, aliases, yanks, spaces, the log."""

import json

import pytest


@pytest.fixture(name="pushed")
def _pushed(done, esm_directory, namespace):
    for seed in range(3):
        done("push", esm_directory(f"v{seed}", seed=seed), f"{namespace}/a", "--space", namespace)
    return f"{namespace}/a"


def test_tokens(done, fails, registry):
    secret = done("token", "create", "ci", "--scope", "read", "--expires-days", "3", "-q").strip()
    assert secret.startswith("esmr_")
    with registry.client(secret) as client:
        assert client.get("/v1/whoami").json()["token"] == "ci"
    listed = json.loads(done("token", "list", "--json"))
    assert {token["name"] for token in listed} >= {"default", "ci"}
    assert "secret" not in json.dumps(listed)
    fresh = json.loads(done("token", "rotate", "ci", "--json"))["secret"]
    for old, status in ((secret, 401), (fresh, 200)):
        with registry.client(old) as client:
            assert client.get("/v1/whoami").status_code == status
    assert "is revoked" in done("token", "revoke", "ci")
    with registry.client(fresh) as client:
        assert "was revoked" in client.get("/v1/whoami").json()["detail"]
    message, _ = fails("token", "create", "root", "--scope", "admin")
    assert "cannot make one of the scope 'admin'" in message
    message, _ = fails("token", "revoke", "nobody's")
    assert "no token named" in message


def test_namespaces(done, fails, namespace, registry):
    done("namespace", "create", namespace, "--private", "--description", "Ours")
    assert f"{namespace} (private: members only)" in done("namespace", "show", namespace)
    assert namespace in done("namespace", "list", "-q").split()
    reader = registry.read_token
    with registry.client(reader) as client:
        name = client.get("/v1/whoami").json()["name"]
        assert client.get(f"/v1/namespaces/{namespace}").status_code == 404
    message, _ = fails("namespace", "add", namespace, name)
    assert "scope" in message
    message, _ = fails("namespace", "create", "latest")
    assert "'latest' is a reserved word" in message
    message, _ = fails("namespace", "create", "t\u0435am")
    assert "cyrillic small letter ie" in message


def test_members_and_quotas(esm, registry, namespace, esm_directory):
    admin = {"ESM_REGISTRY_TOKEN": registry.admin_token}

    def done(*arguments, code=0):
        result = esm(*arguments, env=admin)
        assert result.returncode == code, result.stderr
        return result.stdout if code == 0 else result.stderr

    done("namespace", "create", namespace)
    with registry.client(registry.read_token) as client:
        reader = client.get("/v1/whoami").json()["name"]
    done("namespace", "add", namespace, reader, "--role", "writer")
    assert reader in done("namespace", "members", namespace)
    done("namespace", "remove", namespace, reader)
    assert reader not in done("namespace", "members", namespace)
    done("namespace", "edit", namespace, "--quota-versions", "1")
    done("push", esm_directory("a", seed=1), f"{namespace}/a", "--space", namespace)
    full = done("push", esm_directory("b", seed=2), f"{namespace}/b", "--space", namespace, code=1)
    assert f"error: The namespace '{namespace}' may hold 1 versions" in full
    done("namespace", "edit", namespace, "--quota-versions", "none", "--quota-bytes", "1000")
    full = done("push", esm_directory("c", seed=3), f"{namespace}/b", "--space", namespace, code=1)
    assert "may hold 1000 bytes" in full
    events = json.loads(done("audit", "--namespace", namespace, "--json"))
    assert [event["action"] for event in events] == [
        "namespace.edit", "esm.publish", "namespace.edit", "member.remove", "member.set",
        "namespace.create",
    ]  # fmt: skip
    assert "member.set" in done("audit", "--namespace", namespace, "--action", "member")


def test_robots_and_users(esm, registry, namespace):
    admin = {"ESM_REGISTRY_TOKEN": registry.admin_token}

    def done(*arguments, error=False):
        result = esm(*arguments, env=admin)
        assert result.returncode == 0, result.stderr
        return result.stderr if error else result.stdout

    done("namespace", "create", namespace)
    robot = f"robot.{namespace}.ci"
    options = ("--scope", "write", "--namespace", namespace, "--user", "ci", "--robot")
    told = done("token", "create", "one", *options, "--expires-days", "3", error=True)
    assert f"one of {robot} (write in {namespace}, until 20" in told
    made = json.loads(done("token", "create", "two", *options, "--json"))
    assert (made["user"], made["kind"]) == (robot, "robot")
    assert made["expires_at"] is not None, "the registry's usual life"
    listed = done("token", "list", "--user", robot)
    assert f"{robot} (robot)" in listed
    maker = json.loads(done("token", "list", "--user", robot, "--json"))[0]["made_with"]
    assert str(maker) in listed.splitlines()[-1].split()
    rows = [line.split()[:3] for line in done("user", "list").splitlines()]
    assert [robot, "robot", namespace] in rows
    assert f"{robot} is disabled" in done("user", "disable", robot)
    with registry.client(made["secret"]) as client:
        assert client.get("/v1/whoami").status_code == 401
    shown = json.loads(done("user", "list", "--json"))
    assert next(user for user in shown if user["name"] == robot)["disabled_at"] is not None
    assert robot in done("user", "list", "-q").split()
    assert f"{robot} is enabled" in done("user", "enable", robot)
    with registry.client(made["secret"]) as client:
        assert client.get("/v1/whoami").status_code == 200


def test_users_are_for_admins(fails, registry):
    message, _ = fails("user", "list")
    assert "scope" in message
    message, hint = fails(
        "user", "disable", "nobody-of-this-name", env={"ESM_REGISTRY_TOKEN": registry.admin_token}
    )
    assert "There is no user named" in message
    assert hint


def test_aliases(done, fails, pushed):
    assert "is version 1 now" in done("alias", "set", pushed, "stable", "1", "--protect")
    done("alias", "set", pushed, "stable", "2")
    message, _ = fails("alias", "set", pushed, "stable", "3", "--expect", "1")
    assert "points to 2" in message
    assert json.loads(done("show", f"{pushed}@stable", "--json"))["version"] == 2
    assert "is version 1 now" in done("alias", "rollback", pushed, "stable")
    assert done("alias", "history", pushed, "stable", "-q").split() == ["1", "2", "1"]
    message, hint = fails("show", f"{pushed}@missing")
    assert "has no version or alias missing" in message
    assert "alias list" in hint
    message, _ = fails("alias", "set", pushed, "latest", "1")
    assert "reserved" in message
    done("alias", "remove", pushed, "stable")
    assert done("alias", "list", pushed, "-q") == ""


def test_yank_and_edit_and_delete(done, fails, pushed, tmp_path):
    assert "is yanked: leaked" in done("yank", f"{pushed}@3", "--reason", "leaked")
    assert json.loads(done("show", pushed, "--json"))["version"] == 2
    assert "leaked" in done("show", f"{pushed}@3")
    message, _ = fails("alias", "set", pushed, "stable", "3")
    assert "was yanked (leaked)" in message
    done("unyank", f"{pushed}@3")
    assert json.loads(done("show", pushed, "--json"))["version"] == 3
    card = tmp_path / "card.md"
    card.write_text("# Better\n<script>alert(1)</script>")
    done(
        "edit", pushed, "--card", card, "--licence", "mit", "--location", "hub/x", "--tag", "gold",
        "--description", "The best",
    )  # fmt: skip
    shown = json.loads(done("show", pushed, "--json"))
    assert (shown["source"]["licence"], shown["card"]) == ("mit", card.read_text())
    assert pushed in done("list", "--tag", "gold", "--licence", "mit", "-q")
    assert pushed in done("search", "better best", "-q")
    assert "mit" in done("list", "--tag", "gold", "--facets")
    message, _ = fails("edit", pushed)
    assert "Nothing to change" in message
    card.write_bytes(b"x" * 10**7)
    message, _ = fails("edit", pushed, "--card", card)
    assert "The request's body is larger than 1048576 bytes" in message
    message, _ = fails("delete", pushed)
    assert "no terminal to ask" in message
    message, _ = fails("delete", pushed, "--yes")
    assert "scope" in message  # a token of the scope write may not delete


def test_an_old_ranking_tells_of_a_yank(done, pushed, namespace, arrays):
    embeddings, labels = arrays
    made = json.loads(
        done("rank", "--space", namespace, "--embeddings", embeddings, "--labels", labels, "--json")
    )
    done("yank", f"{pushed}@3", "--reason", "leaked")
    assert f"{pushed}@3 (yanked)" in done("ranking", made["id"])


def test_spaces(done, fails, pushed, namespace, tmp_path):
    assert namespace in done("spaces", "list", "-q").split()
    assert "5 sentences" in done("spaces", "show", namespace)
    done("spaces", "edit", namespace, "--location", "/mnt/models/tiny")
    assert "/mnt/models/tiny" in done("spaces", "show", namespace)
    message, _ = fails("spaces", "map", namespace, tmp_path)
    assert "holds no config.json" in message
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    done("spaces", "map", namespace, tmp_path / "model")
    assert str(tmp_path / "model") in done("spaces", "show", namespace)
    done("spaces", "map", namespace)
    done("spaces", "edit", namespace, "--retire")
    message, _ = fails("push", tmp_path / "v0", f"{namespace}/b", "--space", namespace)
    assert "was retired" in message
    assert "retired" in done("spaces")
