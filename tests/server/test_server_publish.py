"""Publishing: everything is checked first, then one transaction makes it visible."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from esm_client.core.artifact.directory import EsmArtifact, directory_manifest
from esm_client.core.artifact.manifest import digest_bytes, manifest_digest
from esm_client.core.schemas import Manifest
from esm_client.core.tensors import dump_tensors


@pytest.fixture(name="client")
def _client(registry):
    with registry.client(registry.write_token) as client:
        yield client


def publish_files(client, path, files, **fields):
    """Upload raw bytes by file name and publish them, valid or not."""
    namespace, entries = path.split("/")[0], {}
    for name, content in files.items():
        digest = digest_bytes(content)
        assert client.put(
            f"/v1/namespaces/{namespace}/blobs/{digest}", content=content
        ).status_code in (200, 201)
        entries[name] = {"sha256": digest, "size": len(content)}
    body = {"manifest": {"files": entries}, **fields}
    return client.post(f"/v1/esms/{path}/versions", json=body)


def files_of(directory):
    manifest, _ = directory_manifest(directory)
    return {name: (directory / name).read_bytes() for name in manifest.files}


def test_published_version_is_shown_everywhere(client, push, esm_directory, unique):
    directory = esm_directory(unique, card="# A card\n")
    path = f"{unique}/reviews"
    response = push(directory, path, space=unique, provenance={"device": "gpu", "big": 10**30})
    assert response.status_code == 201, response.text
    version = response.json()
    _, digest = directory_manifest(directory)
    assert version["reference"] == f"{path}@1"
    assert version["digest"] == digest
    assert version["space"] == unique
    assert version["task"]["data_set"] == f"test/{unique}"
    assert version["fit"]["held_out_mse"] == 0.05
    assert version["card"] == "# A card\n"
    assert version["provenance"] == {"device": "gpu", "big": 10**30}
    for selector in ("latest", "1", digest):
        assert client.get(f"/v1/esms/{path}/versions/{selector}").json() == version
    shown = client.get(f"/v1/esms/{path}").json()
    assert shown["num_versions"] == 1
    assert shown["latest"] == {k: v for k, v in version.items() if k not in ("card", "provenance")}
    assert client.get("/v1/esms", params={"space": unique}).json()["items"] == [shown]
    assert client.get(f"/v1/esms/{path}/versions").json()["items"] == [shown["latest"]]
    assert manifest_digest(Manifest.model_validate(version["manifest"])) == digest


def test_first_push_creates_the_space(client, push, esm_directory, unique):
    directory = esm_directory(unique)
    assert push(directory, f"{unique}/a", space=unique).status_code == 201
    space = client.get(f"/v1/spaces/{unique}").json()
    fingerprint = EsmArtifact.read(directory).fingerprint
    assert space["identity"] == fingerprint.identity.model_dump()
    assert np.allclose(space["canaries"], fingerprint.canaries, atol=0)
    assert space["num_esms"] == 1
    # The registry is shared by all tests, and may hold more spaces than one page.
    listed, after = [], None
    while True:
        params = {"limit": 200} | ({"after": after} if after else {})
        page = client.get("/v1/spaces", params=params).json()
        listed += page["items"]
        if (after := page["next"]) is None:
            break
    assert {k: v for k, v in space.items() if k != "canaries"} in listed


def test_space_gets_its_default_name(client, push, esm_directory, unique):
    directory = esm_directory(unique, base_model=f"org/{unique}")
    version = push(directory, f"{unique}/a").json()
    assert version["space"] == f"{unique}-mean-128"


def test_new_digests_are_added_to_the_space(client, push, esm_directory, unique):
    directory = esm_directory(unique)
    fingerprint = EsmArtifact.read(directory).fingerprint.model_dump(mode="json")
    weights = [f"sha256:{digit * 64}" for digit in "ab"]
    for index, digest in enumerate(weights):
        fields = {"fingerprint": {**fingerprint, "weight_digest": digest}, "space": unique}
        assert push(directory, f"{unique}/esm-{index}", **fields).status_code == 201
    assert client.get(f"/v1/spaces/{unique}").json()["weight_digests"] == weights


def test_same_content_is_the_same_version(push, esm_directory, unique):
    directory = esm_directory(unique)
    first = push(directory, f"{unique}/a", space=unique)
    again = push(directory, f"{unique}/a", space=unique)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


def test_versions_are_numbered(client, push, esm_directory, unique):
    for seed in range(3):
        directory = esm_directory(f"esm-{seed}", seed=seed)
        version = push(directory, f"{unique}/a", space=unique).json()
        assert version["version"] == seed + 1
    assert client.get(f"/v1/esms/{unique}/a").json()["latest"]["version"] == 3
    assert client.get(f"/v1/esms/{unique}/a/versions/2").json()["version"] == 2


def test_concurrent_pushes_leave_no_gaps(client, push, esm_directory, unique):
    directories = [esm_directory(f"esm-{seed}", seed=seed) for seed in range(12)]
    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(lambda d: push(d, f"{unique}/raced", space=unique), directories))
    assert [r.status_code for r in responses] == [201] * 12, [r.text for r in responses]
    assert sorted(r.json()["version"] for r in responses) == list(range(1, 13))
    digests = {r.json()["digest"] for r in responses}
    items = (
        client.get(f"/v1/esms/{unique}/a-none/versions").status_code,
        client.get(f"/v1/esms/{unique}/raced/versions").json()["items"],
    )
    assert items[0] == 404
    assert {item["digest"] for item in items[1]} == digests


def test_concurrent_pushes_of_the_same_content_make_one_version(push, esm_directory, unique):
    directory = esm_directory(unique)
    with ThreadPoolExecutor(6) as pool:
        responses = list(
            pool.map(lambda _: push(directory, f"{unique}/same", space=unique), range(6))
        )
    assert sorted(r.status_code for r in responses) == [200] * 5 + [201]
    assert {r.json()["version"] for r in responses} == {1}


def test_missing_blob_is_named(client, problem, unique):
    entry = {"sha256": digest_bytes(unique.encode()), "size": 3}
    body = {"manifest": {"files": {"config.json": entry, "model.safetensors": entry}}}
    response = client.post(f"/v1/esms/{unique}/a/versions", json=body)
    detail = problem(response, 404, "not-found")["detail"]
    assert "config.json" in detail
    assert entry["sha256"] in detail
    problem(client.get(f"/v1/esms/{unique}/a"), 404, "not-found")


def test_wrong_size_is_refused(client, esm_directory, problem, unique):
    files = files_of(esm_directory(unique))
    manifest = {
        name: {"sha256": digest_bytes(content), "size": len(content) + 1}
        for name, content in files.items()
    }
    publish_files(client, f"{unique}/a", files, space=unique)
    response = client.post(f"/v1/esms/{unique}/b/versions", json={"manifest": {"files": manifest}})
    assert "the manifest says" in problem(response, 400, "invalid-artifact")["detail"]


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("weights.pkl", "unsafe-file"),
        ("pytorch_model.bin", "unsafe-file"),
        ("notes.txt", "invalid-artifact"),
        ("../config.json", "invalid-artifact"),
    ],
)
def test_foreign_files_are_refused(client, esm_directory, problem, unique, extra, code):
    files = {**files_of(esm_directory(unique)), extra: b"content"}
    problem(publish_files(client, f"{unique}/a", files), 400, code)


def test_missing_file_is_refused(client, esm_directory, problem, unique):
    files = files_of(esm_directory(unique))
    del files["model.safetensors"]
    response = publish_files(client, f"{unique}/a", files)
    assert "model.safetensors" in problem(response, 400, "invalid-artifact")["detail"]


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (b"no tensors at all", "safetensors"),
        (dump_tensors({"model.weight": np.eye(16)}), "model.weight"),
        (
            dump_tensors({"model.weight": np.full((16, 16), np.nan), "model.bias": np.zeros(16)}),
            "NaN",
        ),
        (dump_tensors({"model.weight": np.eye(16), "model.bias": np.full(16, np.inf)}), "NaN"),
        (dump_tensors({"model.weight": np.ones((16, 8)), "model.bias": np.zeros(16)}), "shape"),
    ],
)
def test_bad_weights_are_refused(client, esm_directory, problem, unique, model, word):
    files = {**files_of(esm_directory(unique)), "model.safetensors": model}
    response = publish_files(client, f"{unique}/a", files, space=unique)
    assert word in problem(response, 400, "invalid-artifact")["detail"]
    problem(client.get(f"/v1/spaces/{unique}"), 404, "not-found")


def test_config_and_weights_of_different_width(client, esm_directory, problem, unique):
    narrow = {"model.weight": np.eye(8), "model.bias": np.zeros(8)}
    files = files_of(esm_directory(unique, with_canaries=False))
    files["model.safetensors"] = dump_tensors(narrow)
    problem(publish_files(client, f"{unique}/a", files), 400, "dimension-mismatch")


def test_a_map_that_reads_more_than_the_space_offers(client, esm_directory, problem, unique):
    directory = esm_directory(unique)
    config = json.loads((directory / "config.json").read_bytes())
    config["esm_architecture"] = "wide-low-rank"
    shapes = {"scale": (1,), "left": (16, 2), "right": (20, 2), "bias": (16,)}
    arrays = {f"model.wide.{name}": np.ones(shape) for name, shape in shapes.items()}
    files = files_of(directory)
    files |= {"config.json": json.dumps(config).encode(), "model.safetensors": dump_tensors(arrays)}
    response = publish_files(client, f"{unique}/a", files, space=unique)
    told = problem(response, 400, "dimension-mismatch")["detail"]
    assert told == "The ESM reads 20 numbers of a text, its space has 16."
    problem(client.get(f"/v1/spaces/{unique}"), 404, "not-found")


def test_config_that_is_not_json(client, esm_directory, problem, unique):
    files = {**files_of(esm_directory(unique)), "config.json": b"{"}
    problem(publish_files(client, f"{unique}/a", files), 400, "invalid-artifact")


def test_huge_seed_in_a_config_breaks_no_listing(client, esm_directory, push, unique):
    directory = esm_directory(unique)
    config = json.loads((directory / "config.json").read_text())
    config["seed"] = 10**40
    (directory / "config.json").write_text(json.dumps(config))
    response = push(directory, f"{unique}/a", space=unique)
    assert response.status_code in (201, 400)
    assert client.get("/v1/esms", params={"space": unique}).status_code in (200, 404)


def test_zero_canaries_are_refused(client, esm_directory, problem, unique):
    files = files_of(esm_directory(unique))
    files["summary.safetensors"] = dump_tensors({"canaries": np.zeros((5, 16))})
    response = publish_files(client, f"{unique}/a", files, space=unique)
    problem(response, 400, "invalid-artifact")


@pytest.mark.parametrize("path", ["UPPER/a", "a/.hidden", "a/" + "x" * 97])
def test_illegal_names(client, esm_directory, problem, path):
    body = {"manifest": directory_manifest(esm_directory())[0].model_dump(mode="json")}
    problem(client.post(f"/v1/esms/{path}/versions", json=body), 400, "invalid-name")


def test_card_and_provenance_have_limits(push, esm_directory, problem, unique):
    directory = esm_directory(unique)
    card = "é" * (128 * 2**10 + 1)
    problem(push(directory, f"{unique}/a", space=unique, card=card), 413, "too-large")
    provenance = {"log": "x" * 2**16}
    response = push(directory, f"{unique}/a", space=unique, provenance=provenance)
    problem(response, 413, "too-large")


@pytest.mark.parametrize(
    "fields",
    [
        '"card": "\\ud800"',
        '"provenance": {"a": "\\ud800"}',
        '"provenance": {"\\ud800": 1}',
        '"provenance": {"a": ' + "[" * 300 + "]" * 300 + "}",
        '"provenance": {"a": ' + "[" * 900 + "]" * 900 + "}",
        '"provenance": {"a": 1e999}',
        '"provenance": {"a": NaN}',
    ],
)
def test_what_cannot_be_answered_is_not_stored(client, esm_directory, problem, unique, fields):
    files = files_of(esm_directory(unique))
    publish_files(client, f"{unique}/fine", files)
    manifest, _ = directory_manifest(esm_directory(f"{unique}-b"))
    body = f'{{"manifest": {manifest.model_dump_json()}, {fields}}}'
    response = client.post(
        f"/v1/esms/{unique}/a/versions", content=body, headers={"Content-Type": "application/json"}
    )
    problem(response, 400, "invalid-input")
