"""A space on one's own machine: pulled whole, pulled again, after breaks and losses."""

import shutil

import pytest
from support.relay import Relay
from support.storage import overwrite

from esm_client import Client
from esm_client.core.errors import ConnectionFailed, InvalidInput, NotFound
from esm_client.ranking.local.space import LocalSpace
from esm_client.remote.publishing import pull_space


@pytest.fixture(name="folder")
def _folder(tmp_path):
    return tmp_path / "space"


@pytest.fixture(name="relay")
def _relay(registry):
    relay = Relay(registry.url)
    yield relay
    relay.close()


@pytest.fixture(name="relayed")
def _relayed(relay, registry, tmp_path):
    cache = tmp_path / "relayed"
    with Client(relay.url, registry.write_token, cache_dir=cache, patience=0) as client:
        yield client


@pytest.fixture(name="small_packs")
def _small_packs(monkeypatch):
    monkeypatch.setattr(pull_space, "MAX_PULLED_ESMS", 10)


def references(local):
    return {detail.reference for detail in local.versions}


def ranked(client, sketch, space):
    return {row.reference for row in client.rank(sketch, space=space)}


def test_a_later_pull_fetches_what_is_new_and_forgets_what_is_gone(client, many, unique, folder):
    names = sorted(many)
    client.packs.push(unique, {name: many[name] for name in names[:10]}, space=unique)
    client.packs.pull(unique, folder)
    client.packs.push(unique, {name: many[name] for name in names[10:12]}, space=unique)
    client.esms.yank(f"{unique}/{names[0]}@1", "wrong data")
    told = []
    local = client.packs.pull(unique, folder, progress=lambda _, *counts: told.append(counts))
    assert told == [(0, 2), (2, 2)]
    assert {d.name for d in local.versions} == set(names[1:12])
    assert len(list(folder.glob("*.pack"))) == 2
    assert client.packs.pull(unique, folder).content == local.content
    assert len(list(folder.iterdir())) == 3
    with pytest.raises(InvalidInput, match="holds the space"):
        client.packs.pull(f"{unique}-other", folder)


def test_what_becomes_live_again_is_fetched(client, esm_directory, unique, sketch, folder):
    """An older version has the smaller key, and was in no pack while a newer one was live."""
    for name, seed in (("e0", 1), ("e0", 2), ("e1", 3)):
        client.push(esm_directory(f"{name}-{seed}", seed=seed), f"{unique}/{name}", space=unique)
    client.esms.yank(f"{unique}/e1@1", "wrong data")
    assert references(client.packs.pull(unique, folder)) == {f"{unique}/e0@2"}
    client.esms.yank(f"{unique}/e0@2", "wrong data")
    client.esms.unyank(f"{unique}/e1@1")
    expected = {f"{unique}/e0@1", f"{unique}/e1@1"}
    assert references(client.packs.pull(unique, folder)) == expected
    assert {row.reference for row in client.rank_locally(sketch, folder)} == expected
    assert ranked(client, sketch, unique) == expected


def test_what_becomes_readable_is_fetched(registry, client, esm_directory, unique, folder):
    private = f"{unique}-p"
    client.namespaces.create(private, private=True)
    client.push(esm_directory("p", seed=1), f"{private}/p", space=unique)
    client.push(esm_directory("o", seed=2), f"{unique}/o", space=unique)
    token = registry.create_token("read")
    with Client(registry.url, token, cache_dir=folder.parent / "reader") as reader:
        assert references(reader.packs.pull(unique, folder)) == {f"{unique}/o@1"}
        with Client(registry.url, registry.admin_token) as admin:
            admin.namespaces.set_member(private, reader.whoami().name, "reader")
        assert references(reader.packs.pull(unique, folder)) == {f"{private}/p@1", f"{unique}/o@1"}


def test_the_same_files_under_two_names(client, esm_directory, unique, sketch, folder):
    twin = esm_directory("twin")
    for name in ("a", "b"):
        client.push(twin, f"{unique}/{name}", space=unique)
    client.packs.pull(unique, folder)
    both = {f"{unique}/a@1", f"{unique}/b@1"}
    assert {row.reference for row in client.rank_locally(sketch, folder)} == both
    client.esms.yank(f"{unique}/b@1", "a copy")
    client.packs.pull(unique, folder)
    assert {row.reference for row in client.rank_locally(sketch, folder)} == {f"{unique}/a@1"}


def test_what_was_edited_is_told_anew(client, esm_directory, unique, folder):
    client.push(esm_directory("e"), f"{unique}/e", space=unique)
    client.packs.pull(unique, folder)
    client.esms.edit(f"{unique}/e", tags=["checked"])
    client.esms.edit_version(f"{unique}/e@1", source={"licence": "cc-by-4.0"})
    local = client.packs.pull(unique, folder)
    assert local.versions[0].source.licence == "cc-by-4.0"
    assert local.content.live[0].tags == ("checked",)


def test_a_pull_that_breaks_goes_on(
    client, relay, relayed, many, unique, folder, monkeypatch, small_packs
):
    monkeypatch.setattr("esm_client.remote.http.exchange.sleep", lambda _: None)
    client.packs.push(unique, many, space=unique)

    def cut(asked, forward):
        packs = [path for path in relay.paths() if "/pack?" in path]
        answer = forward()
        return answer if len(packs) != 2 else type(answer)(
            answer.status, answer.body, answer.headers, cut=len(answer.body) // 2
        )  # fmt: skip

    relay.rule = cut
    with pytest.raises(ConnectionFailed):
        relayed.packs.pull(unique, folder)
    with pytest.raises(NotFound, match="no pulled space"):
        LocalSpace(folder)
    before = len(relay.requests)
    relay.rule = lambda asked, forward: forward()
    local = relayed.packs.pull(unique, folder)
    again = [asked for asked in relay.requests[before:] if "/pack?" in asked.path]
    assert ["range" in asked.headers for asked in again] == [True, False]
    assert len(local.versions) == len(many)
    assert not list(folder.glob("*.part"))


def test_the_space_stays_as_it_was_until_a_pull_ends(
    client, relay, relayed, many, unique, folder, monkeypatch
):
    monkeypatch.setattr("esm_client.remote.http.exchange.sleep", lambda _: None)
    names = sorted(many)
    client.packs.push(unique, {name: many[name] for name in names[:5]}, space=unique)
    before = references(relayed.packs.pull(unique, folder))
    client.packs.push(unique, many, space=unique)
    relay.rule = lambda asked, forward: None if "/pack?" in asked.path else forward()
    with pytest.raises(ConnectionFailed):
        relayed.packs.pull(unique, folder)
    assert references(LocalSpace(folder)) == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data,
        lambda data: data + b"\0" * 512,
        lambda data: data.replace(b"model.bias", b"model.bios"),
        lambda data: data[: len(data) // 2],
        lambda data: b"x" * 700,
        lambda data: data[:100] + bytes(600),
        lambda data: b"",
    ],
)
def test_parts_of_packs(client, esm_directory, unique, folder, spoil):
    """Whole ones too, of which nothing is left to be sent."""
    client.packs.push(unique, {"e": esm_directory("e")}, space=unique)
    client.packs.pull(unique, folder)
    pack = next(folder.glob("*.pack"))
    data = pack.read_bytes()
    pack.with_suffix(".part").write_bytes(spoil(data))
    pack.unlink()
    assert len(client.packs.pull(unique, folder).versions) == 1
    assert pack.read_bytes().rstrip(b"\0") == data.rstrip(b"\0")


def test_damage_is_seen_and_mended(client, many, unique, sketch, folder):
    client.packs.push(unique, many, space=unique)
    client.packs.pull(unique, folder)
    pack = next(folder.glob("*.pack"))
    data = pack.read_bytes()
    pack.write_bytes(data.replace(b"model.bias", b"model.bios"))
    codes = {s.reference: s.code for s in client.rank_locally(sketch, folder).skipped}
    assert codes.pop(f"{unique}/n20@1") == "needs-embeddings"
    assert set(codes.values()) == {"digest-mismatch"}
    pack.write_bytes(data[:5000])
    for attempt in (lambda: LocalSpace(folder), lambda: client.packs.pull(unique, folder)):
        with pytest.raises(InvalidInput, match=r"is damaged\. Remove it"):
            attempt()
    pack.unlink()
    with pytest.raises(InvalidInput, match=f"lacks {len(many)} of the {len(many)} ESMs"):
        LocalSpace(folder)
    assert len(client.packs.pull(unique, folder).versions) == len(many)


def test_what_the_server_has_lost_is_named(registry, client, esm_directory, unique, sketch, folder):
    """And what is there arrives."""
    for name, seed in (("there", 77_001), ("gone", 77_002)):
        client.push(esm_directory(name, seed=seed), f"{unique}/{name}", space=unique)
    digest = client.show(f"{unique}/gone").manifest.files["model.safetensors"].sha256
    with registry.store.local_copy(digest) as blob:
        data = blob.read_bytes()
    registry.store.remove(digest)
    local = client.packs.pull(unique, folder)
    assert references(local) == {f"{unique}/there@1"}
    assert local.content.lost == (f"{unique}/gone@1",)
    ranking = client.rank_locally(sketch, folder)
    assert [(s.reference, s.code) for s in ranking.skipped] == [(f"{unique}/gone@1", "unavailable")]
    overwrite(registry.data_dir, digest, data)
    local = client.packs.pull(unique, folder)
    assert len(local.versions) == 2
    assert local.content.lost == ()


def test_a_folder_that_is_no_space(tmp_path):
    with pytest.raises(NotFound, match="no pulled space"):
        LocalSpace(tmp_path)
    (tmp_path / "space.json").write_text("{")
    with pytest.raises(InvalidInput, match="cannot be read"):
        LocalSpace(tmp_path)
    shutil.rmtree(tmp_path)
