"""Many ESMs at once: pushed in packs, pulled as one, ranked without a server."""

import io
import shutil
import tarfile

import numpy as np
import pytest

from esm_client import Client, TargetSketch
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import Forbidden, InvalidInput, NotFound
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.packs import document, pack_bytes, pack_size, read_pack
from esm_client.remote.local_space import LocalSpace
from esm_client.remote.several_spaces import merged


@pytest.fixture(name="client")
def _client(registry, tmp_path):
    with Client(registry.url, registry.write_token, cache_dir=tmp_path / "cache") as client:
        yield client


@pytest.fixture(name="many")
def _many(esm_directory, tmp_path):
    """Full, low-rank and MLP maps of one space."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        return (rng.standard_normal(shape) / 4).astype(np.float32)

    maps = [
        LowRankMap(np.ones(1, np.float32), draw(16, 2), draw(16, 2), draw(16)) for _ in range(20)
    ]
    maps += [MlpMap(draw(5, 16), draw(5), draw(16, 5), draw(16))]
    folders = {f"full-{seed}": esm_directory(f"full-{seed}", seed=seed) for seed in range(5)}
    for number, esm_map in enumerate(maps):
        made = EsmArtifact.read(esm_directory(f"x{number}", seed=number))
        config = made.config.model_copy(update={"architecture": esm_map.architecture})
        changed = EsmArtifact(config, esm_map, made.summary, made.card)
        folders[f"n{number}"] = changed.write(tmp_path / "many" / f"n{number}")
    return folders


def target(seed=1):
    x = np.random.default_rng(seed).standard_normal((60, 16))
    return x, (x[:, 0] > 0).astype(int)


def test_pushed_pulled_and_ranked_alike(client, many, unique, tmp_path):
    (tmp_path / "broken").mkdir()
    told = []
    results = client.packs.push(
        unique, {**many, "broken": tmp_path / "broken"}, space=unique, watch=told.append
    )
    assert told[-1] == len(many) + 1
    assert [r.name for r in results if r.problem] == ["broken"]
    assert all(r.is_new and r.version == 1 for r in results if not r.problem)
    again = client.packs.push(unique, many, space=unique)
    assert not any(r.is_new or r.problem for r in again)

    local = client.packs.pull(unique, tmp_path / "space")
    assert len(local.versions) == len(many)
    x, y = target()
    sketch = TargetSketch.from_embeddings(x, y, kind="classification")
    there = client.rank(sketch, space=unique)
    here = client.rank_locally(sketch, tmp_path / "space")
    assert [row.reference for row in here] == [row.reference for row in there]
    assert [r.score for r in here] == pytest.approx([r.score for r in there], abs=1e-8)
    assert [s.code for s in here.skipped] == [s.code for s in there.skipped] == ["needs-embeddings"]
    all_of_them = client.rank_locally(sketch, tmp_path / "space", embedded=(x, y))
    assert len(all_of_them) == len(many)
    assert not all_of_them.skipped


def test_a_later_pull_fetches_what_is_new_and_forgets_what_is_gone(client, many, unique, tmp_path):
    names = sorted(many)
    client.packs.push(unique, {name: many[name] for name in names[:10]}, space=unique)
    folder = tmp_path / "space"
    client.packs.pull(unique, folder)
    client.packs.push(unique, {name: many[name] for name in names[10:12]}, space=unique)
    client.esms.yank(f"{unique}/{names[0]}@1", "wrong data")
    local = client.packs.pull(unique, folder)
    assert {d.name for d in local.versions} == set(names[1:12])
    assert len(list(folder.glob("*.pack"))) == 2
    assert client.packs.pull(unique, folder).content == local.content
    assert len(list(folder.iterdir())) == 3
    with pytest.raises(InvalidInput, match="holds the space"):
        client.packs.pull(f"{unique}-other", folder)


def test_a_pull_that_breaks_goes_on_and_damage_is_seen(client, many, unique, tmp_path):
    client.packs.push(unique, many, space=unique)
    whole = client.packs.pull(unique, tmp_path / "whole")
    pack = next((tmp_path / "whole").glob("*.pack"))
    data = pack.read_bytes()
    broken = (data[: len(data) // 2], b"x" * 700, data[:100] + b"\0" * 600)
    for number, content in enumerate(broken):
        folder = tmp_path / f"half-{number}"
        folder.mkdir()
        (folder / "000000000000.part").write_bytes(content)
        local = client.packs.pull(unique, folder)
        assert (folder / pack.name).read_bytes() == data
        assert len(local.versions) == len(whole.versions)
    pack.write_bytes(data.replace(b"model.bias", b"model.bios"))
    x, y = target()
    sketch = TargetSketch.from_embeddings(x, y, kind="classification")
    damaged = client.rank_locally(sketch, tmp_path / "whole")
    codes = {s.reference: s.code for s in damaged.skipped}
    assert codes.pop(f"{unique}/n20@1") == "needs-embeddings"
    assert set(codes.values()) == {"digest-mismatch"}


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
    bad = [
        b"",
        b"no tar at all" * 100,
        archive("../../etc/passwd"),
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


def test_a_pack_of_a_foreign_namespace_is_refused(registry, client, many, unique, tmp_path):
    client.packs.push(unique, {"a": many["full-0"]}, space=unique)
    with Client(registry.url, registry.create_token("write"), cache_dir=tmp_path / "c") as other:
        with pytest.raises(Forbidden):
            other.packs.push(unique, {"b": many["full-1"]}, space=unique)


def test_any_offset_gives_the_rest_of_the_same_bytes():
    members = [document("pack.json", b"{}"), document("esms/000000000.json", b"x" * 1500)]
    whole = b"".join(pack_bytes(members))
    assert len(whole) == pack_size(members)
    for start in (0, 1, 511, 512, 514, 1024, 1999, len(whole) - 1, len(whole)):
        assert b"".join(pack_bytes(members, start)) == whole[start:]
    assert [(n, s) for n, s, _ in read_pack(io.BytesIO(whole))] == [
        ("pack.json", 2),
        ("esms/000000000.json", 1500),
    ]


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


def test_a_folder_that_is_no_space(tmp_path):
    with pytest.raises(NotFound, match="no pulled space"):
        LocalSpace(tmp_path)
    (tmp_path / "space.json").write_text("{")
    with pytest.raises(InvalidInput, match="cannot be read"):
        LocalSpace(tmp_path)
    shutil.rmtree(tmp_path)
