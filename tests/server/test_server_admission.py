"""What a push must be to be taken, by every policy."""

from dataclasses import replace

import numpy as np
import pytest

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.maps.affine import AffineMap
from esm_client.core.schemas import FitReport
from esm_server.admission.duplicates import KnownSignatures
from esm_server.admission.signature import SAME_MAP, distances, signature_of

WORSE = FitReport(solver="ridge", held_out_mse=0.3, identity_mse=0.2, held_out_rows=20)


@pytest.fixture(name="changed")
def _changed(esm_directory, tmp_path):
    """changed(name, weight=..., bias=..., fit=..., canaries=False): a changed ESM directory."""

    def make(name, *, seed=0, canaries=True, **changes):
        artifact = EsmArtifact.read(esm_directory(f"{name}-plain", seed=seed))
        if "weight" in changes or "bias" in changes:
            weight = changes.get("weight", artifact.map.weight).astype(np.float32)
            bias = changes.get("bias", artifact.map.bias).astype(np.float32)
            artifact = replace(artifact, map=AffineMap(weight, bias))
        if "fit" in changes:
            artifact = replace(artifact, config=artifact.config.model_copy(update=changes))
        if not canaries:
            artifact = replace(artifact, summary={})
        return artifact.write(tmp_path / name)

    return make


BAD = {
    "norms": {"weight": np.zeros((16, 16)), "bias": np.ones(16)},
    "worse-than-identity": {"fit": WORSE},
    "no-fit-report": {"fit": None},
    "unverified-space": {"canaries": False},
}


@pytest.mark.parametrize("verdict", ["off", "warn", "refuse-unless-forced", "refuse"])
def test_every_check_by_every_policy(
    start_registry, push, esm_directory, changed, problem, verdict
):
    names = [*BAD, "near-duplicate"]
    prefix = "ESM_SERVER_ADMISSION_"
    settings = {prefix + name.replace("-", "_").upper(): verdict for name in names}
    running = start_registry(env=settings)
    good = esm_directory("good", seed=99)
    assert push(good, "a/good", server=running, space="s").json()["findings"] == []
    copy = EsmArtifact.read(good).map
    bad = {**BAD, "near-duplicate": {"weight": copy.weight * 1.0001, "bias": copy.bias}}
    for index, (name, changes) in enumerate(bad.items()):
        directory = changed(name, seed=index, **changes)
        plain = push(directory, f"a/{name}", server=running, space="s")
        if verdict in ("off", "warn"):
            findings = plain.json()["findings"]
            assert [f["check"] for f in findings] == ([] if verdict == "off" else [name])
            assert not any(finding["forced"] for finding in findings)
            continue
        refused = problem(plain, 422, "not-admitted")
        assert ("`force`" in refused["hint"]) == (verdict != "refuse")
        forced = push(directory, f"a/{name}", server=running, space="s", force=True)
        if verdict == "refuse":
            problem(forced, 422, "not-admitted")
            continue
        assert [f["check"] for f in forced.json()["findings"] if f["forced"]] == [name]
        with running.client(running.admin_token) as client:
            (event, *_) = client.get("/v1/audit", params={"action": "esm.publish"}).json()["items"]
        assert event["detail"] == {"forced": [name]}


@pytest.mark.parametrize(
    ("weight", "bias", "word"),
    [
        (np.eye(16), np.zeros(16), "identity map"),
        (np.eye(16) * 1000, np.zeros(16), "norm of its weights"),
        (np.eye(16) * 2, np.full(16, 1e4), "norm of its bias"),
        (np.eye(16) * 1e-4, np.zeros(16), "norm of its weights"),
    ],
)
def test_implausible_numbers(push, changed, problem, unique, weight, bias, word):
    directory = changed("odd", weight=weight, bias=bias)
    refused = problem(push(directory, f"{unique}/a", space=unique), 422, "not-admitted")
    assert word in refused["detail"]


def test_nothing_is_left_of_a_refused_push(registry, push, changed, unique):
    push(changed("odd", weight=np.zeros((16, 16))), f"{unique}/a", space=unique)
    with registry.client(registry.admin_token) as client:
        assert client.get(f"/v1/esms/{unique}/a").status_code == 404
        assert client.get(f"/v1/namespaces/{unique}").status_code == 404
        assert client.get(f"/v1/spaces/{unique}").status_code == 404


def test_a_next_version_is_no_duplicate_of_its_own_esm(push, changed, esm_directory, unique):
    first = EsmArtifact.read(esm_directory("first"))
    again = changed("again", weight=first.map.weight * 1.0001)
    assert push(esm_directory("one"), f"{unique}/a", space=unique).status_code == 201
    assert push(again, f"{unique}/a", space=unique).json()["findings"] == []
    other = push(again, f"{unique}/b", space=unique).json()["findings"]
    assert [finding["check"] for finding in other] == ["near-duplicate"]
    assert f"{unique}/a@1" in other[0]["message"]


def test_a_private_duplicate_is_not_revealed(registry, push, esm_directory, unique):
    with registry.client(registry.write_token) as client:
        hidden = {"name": f"{unique}-hidden", "private": True}
        client.post("/v1/namespaces", json=hidden).raise_for_status()
    push(esm_directory("p"), f"{unique}-hidden/p", space=unique).raise_for_status()
    public = push(esm_directory("q", data_set="other/name"), f"{unique}/q", space=unique)
    assert public.json()["findings"] == []


def test_signatures_keep_distances():
    rng = np.random.default_rng(0)
    dimension = 200
    one = AffineMap(
        np.eye(dimension) + rng.standard_normal((dimension,) * 2) / 10,
        rng.standard_normal(dimension),
    )
    noisy = AffineMap(one.weight + rng.standard_normal((dimension,) * 2) / 1000, one.bias)
    other = AffineMap(
        np.eye(dimension) + rng.standard_normal((dimension,) * 2) / 10,
        rng.standard_normal(dimension),
    )
    near, far = distances(signature_of(one), np.stack([signature_of(noisy), signature_of(other)]))
    assert near < SAME_MAP < far
    half = AffineMap(one.weight.astype(np.float16), one.bias.astype(np.float16))
    assert distances(signature_of(one), signature_of(half)[None])[0] < SAME_MAP


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e36])
def test_all_that_is_near_is_found_among_many(scale):
    rng = np.random.default_rng(3)
    signatures = (scale * rng.standard_normal((300, 72))).astype(np.float32)
    for copy, noise in ((70, 0.0), (150, 0.02), (290, 0.03), (291, 0.07)):
        signatures[copy] = signatures[7] * (1 + noise * rng.standard_normal(72)) * 1.01
    signatures[[20, 200]] = 0.0
    known = KnownSignatures()
    for number, signature in enumerate(signatures):
        known.append(10 * number, signature)
    for number in (7, 20, 33, 291):
        keys, gaps = known.near(signatures[number])
        expected = distances(signatures[number], signatures)
        assert keys.tolist() == (10 * np.flatnonzero(expected < SAME_MAP)).tolist()
        assert gaps == pytest.approx(expected[keys // 10], abs=1e-5)
