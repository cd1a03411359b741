"""A space goes from one server to another in a file."""

import pytest
from server.operations.conftest import model_of_b

from esm_client.core.packs import blob_digest, document, pack_bytes, read_pack
from esm_server.operations.import_space import SpaceImport


def described(running, path):
    with running.client(running.admin_token) as client:
        esm = client.get(f"/v1/esms/{path}").json()
        versions = client.get(f"/v1/esms/{path}/versions").json()["items"]
    kept = ("digest", "aliases", "source", "manifest", "fit")
    return (
        esm["description"],
        esm["tags"],
        [({name: v[name] for name in kept}, v["yank"] and v["yank"]["reason"]) for v in versions],
    )


@pytest.fixture(name="other")
def _other(start_registry, tmp_path):
    return start_registry(tmp_path / "other")


def test_there_and_ranked_alike(filled, other, command, ranked, tmp_path):
    with filled.client(filled.admin_token) as client:
        reason = {"reason": "half of it is wrong"}
        client.put("/v1/esms/n/a/versions/2/yank", json=reason).raise_for_status()
    file = tmp_path / "space.pack"
    assert command(filled, "export", "space", str(file), "--all-versions")["versions"] == 4
    done = command(other, "import", str(file))
    assert (done["new"], done["known"], done["refused"]) == (4, 0, {})
    for path in ("n/a", "n/b", "n/c"):
        assert described(other, path) == described(filled, path)
    assert ranked(other) == ranked(filled)
    assert command(other, "check", "--deep")["findings"] == []
    again = command(other, "import", str(file))
    assert (again["new"], again["known"], again["refused"]) == (0, 4, {})


def test_only_what_is_live(filled, other, command, tmp_path):
    file = tmp_path / "space.pack"
    assert command(filled, "export", "space", str(file))["versions"] == 3
    assert command(other, "import", str(file))["new"] == 3
    assert len(described(other, "n/a")[2]) == 1


def test_what_was_private_stays_private(filled, other, command, refused, tmp_path):
    file = tmp_path / "space.pack"
    with filled.client(filled.admin_token) as client:
        client.patch("/v1/namespaces/n", json={"private": True}).raise_for_status()
    command(filled, "export", "space", str(file))
    with other.client(other.admin_token) as client:
        client.post("/v1/namespaces", json={"name": "n"}).raise_for_status()
        assert "is private in the export" in refused(other, "import", str(file))
        client.patch("/v1/namespaces/n", json={"private": True}).raise_for_status()
        command(other, "import", str(file))
    with other.client(other.read_token) as client:
        assert client.get("/v1/esms/n/a").status_code == 404


def test_damage(served, other, parts, command, refused, tmp_path):
    file = tmp_path / "space.pack"
    command(served, "export", "space", str(file))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    broken = tmp_path / "broken.pack"
    broken.write_bytes(data)
    refused(other, "import", str(broken))
    broken.write_bytes(file.read_bytes()[:-20_000])
    refused(other, "import", str(broken))
    with other.client(other.read_token) as client:
        assert client.get("/v1/esms").json()["items"] == []
    with parts(served) as registry:
        registry.store.remove(model_of_b(served))
    left = command(served, "export", "space", str(file), status=3)
    assert (left["lost"], left["versions"]) == (["n/b@1"], 2)


def test_wrong_input(filled, refused, tmp_path):
    file = tmp_path / "file"
    assert "no embedding space named" in refused(filled, "export", "none", str(file))
    assert "cannot be used" in refused(filled, "export", "space", str(tmp_path / "no" / "file"))
    assert not file.exists()
    assert "cannot be used" in refused(filled, "import", str(file))
    file.write_bytes(b"no pack" * 1000)
    assert "no usable pack" in refused(filled, "import", str(file))
    assert "no user named" in refused(filled, "import", str(file), "--user", "nobody")


def test_files_that_another_namespace_has_come_in_too(filled, other, command, push, tmp_path):
    """The file brings their bytes, whatever the registry holds for others."""
    file = tmp_path / "space.pack"
    command(filled, "export", "space", str(file))
    push(tmp_path / "b2", "m/b", server=other, space="space").raise_for_status()
    done = command(other, "import", str(file))
    assert (done["new"], done["refused"]) == (3, {})


def test_files_that_the_export_did_not_bring_are_refused(filled, other, command, push, tmp_path):
    """Whatever the registry holds for others: an export is no way to what they have."""
    file = tmp_path / "space.pack"
    command(filled, "export", "space", str(file))
    push(tmp_path / "b2", "m/b", server=other, space="space").raise_for_status()
    with file.open("rb") as stream:
        left = [
            document(entry.name, entry.read())
            for entry in read_pack(stream)
            if blob_digest(entry.name) != model_of_b(filled)
        ]
    file.write_bytes(b"".join(pack_bytes(left)))
    done = command(other, "import", str(file), status=3)
    assert done["new"] == 2
    (why,) = done["refused"].values()
    assert f"({model_of_b(filled)}) is not on the server" in why


def test_however_long_it_takes(filled, other, command, monkeypatch, tmp_path):
    """What was sent counts when its version is published, not from the beginning on."""
    file, prepare = tmp_path / "space.pack", SpaceImport._prepare
    command(filled, "export", "space", str(file))

    def later(importing, exported):
        prepare(importing, exported)
        other.query("UPDATE uploads SET ended_at = '2020-01-01 00:00:00'")

    monkeypatch.setattr(SpaceImport, "_prepare", later)
    done = command(other, "import", str(file))
    assert (done["new"], done["refused"]) == (3, {})
