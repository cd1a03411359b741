"""Many ESMs at once: pushed in packs, pulled as one, ranked without a server."""

import io
import tarfile

import numpy as np
import pytest

from esm_client import Client, TargetSketch
from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.errors import Forbidden, InvalidInput, NotFound
from esm_client.core.packs import blob_name, document, pack_bytes
from esm_client.ranking.several_spaces import merged


def test_pushed_pulled_and_ranked_alike(client, many, unique, target, sketch, tmp_path):
    (tmp_path / "broken").mkdir()
    told = []
    results = client.packs.push(
        unique, {**many, "broken": tmp_path / "broken"}, space=unique,
        progress=lambda *counts: told.append(counts),
    )  # fmt: skip
    assert told[-1] == ("Pushing ESMs", len(many) + 1, len(many) + 1)
    assert [r.name for r in results if r.problem] == ["broken"]
    assert all(r.is_new and r.version == 1 for r in results if not r.problem)
    again = client.packs.push(unique, many, space=unique)
    assert not any(r.is_new or r.problem for r in again)

    local = client.packs.pull(unique, tmp_path / "space")
    assert len(local.versions) == len(many)
    there = client.rank(sketch, space=unique)
    here = client.rank_locally(sketch, tmp_path / "space")
    assert [row.reference for row in here] == [row.reference for row in there]
    assert [r.score for r in here] == pytest.approx([r.score for r in there], abs=1e-8)
    assert [s.code for s in here.skipped] == [s.code for s in there.skipped] == ["needs-embeddings"]
    all_of_them = client.rank_locally(sketch, tmp_path / "space", embedded=target)
    assert len(all_of_them) == len(many)
    assert not all_of_them.skipped


def test_packs_that_are_none(registry, unique, client, many):
    def post(data):
        with registry.client(registry.write_token) as plain:
            return plain.post(f"/v1/namespaces/{unique}/packs", content=data)

    def archive(name, kind=tarfile.REGTYPE):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as file:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info, io.BytesIO())
        return stream.getvalue()

    members = [document("esms/000000000.json", b'{"name": "a"}')]
    blob = "blobs/sha256-"
    bad = [
        b"",
        b"no tar at all" * 100,
        archive("../../etc/passwd"),
        archive(blob + "../../../../../../../../../../etc/passwd"),
        archive(blob + "../../../../../../../../../../etc/passwd/x"),
        archive(blob + "../../../../../../../../../../etc/no-such-file"),
        archive(blob + "0" * 64, b"L"),
        archive("blobs/sha256-00", tarfile.SYMTYPE),
        archive("esms/000000000.json"),
        b"".join(pack_bytes(members)),
        b"".join(pack_bytes([document("blobs/sha256-" + "0" * 64, b"other bytes")])),
    ]
    for data in bad:
        answer = post(data)
        assert answer.status_code == 400, (data[:60], answer.text)
        assert answer.json()["hint"]
    with pytest.raises(NotFound):
        list(client.list(space=unique))


def test_a_file_of_a_pack_may_be_as_large_as_any_other(start_registry, esm_directory):
    """The server's own limit counts, in both directions."""
    data = b"x" * 4000
    pack = b"".join(pack_bytes([document(blob_name(digest_bytes(data)), data)]))
    for limit, status in ((3999, 413), (4000, 400)):
        env = {"ESM_SERVER_MAX_BLOB_BYTES": str(limit)}
        registry = start_registry(env=env)
        with registry.client(registry.write_token) as plain:
            answer = plain.post("/v1/namespaces/team/packs", content=pack)
        assert answer.status_code == status, answer.text
        registry.stop()
    assert "holds no ESM" in answer.text


def test_a_pack_of_a_foreign_namespace_is_refused(registry, client, many, unique, tmp_path):
    client.packs.push(unique, {"a": many["full-0"]}, space=unique)
    with Client(registry.url, registry.create_token("write"), cache_dir=tmp_path / "c") as other:
        with pytest.raises(Forbidden):
            other.packs.push(unique, {"b": many["full-1"]}, space=unique)


def test_several_spaces_are_ranked_together(client, esm_directory, unique):
    rankings = []
    y = np.arange(80) % 2
    for dimension in (16, 24):
        name = f"{unique}-{dimension}"
        folders = {
            f"e{seed}": esm_directory(f"d{dimension}-{seed}", dimension=dimension, seed=seed)
            for seed in range(3)
        }
        client.packs.push(name, folders, space=name)
        x = np.random.default_rng(dimension).standard_normal((80, dimension)) + y[:, None]
        sketch = TargetSketch.from_embeddings(x, y, kind="classification")
        rankings.append(client.rank(sketch, space=name))
    together = merged(rankings)
    assert len(together) == 6
    assert {row.space for row in together} == {f"{unique}-16", f"{unique}-24"}
    scores = [row.score for row in together]
    assert scores == sorted(scores, reverse=True)
    assert together.best.log_bayes_factor == 0
    assert f"[{together.best.space}]" in repr(together)
    other = TargetSketch.from_embeddings(x[:70], y[:70], kind="classification")
    with pytest.raises(InvalidInput, match="different targets"):
        merged([rankings[0], client.rank(other, space=f"{unique}-24")])
