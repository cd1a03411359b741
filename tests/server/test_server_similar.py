"""Neighbours over HTTP: by map, by texts, and what of them a caller sees."""

import base64

import numpy as np
import pytest

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import DimensionMismatch, InvalidEmbeddings
from esm_client.core.maps.affine import AffineMap


@pytest.fixture(name="push_near")
def _push_near(push, esm_directory):
    """push_near("namespace/name", space, map, mean text embedding)"""

    def push_near(path, space, esm_map, text):
        name = path.replace("/", "-")
        made = EsmArtifact.read(esm_directory(f"{name}-of", seed=3))
        summary = {**made.summary, "text_embedding": text.astype(np.float32)}
        changed = EsmArtifact(made.config, esm_map, summary, made.card)
        folder = changed.write(esm_directory(f"{name}-in").parent / f"near-{name}")
        answer = push(folder, path, space=space)
        assert answer.status_code == 201, answer.text

    return push_near


@pytest.fixture(name="near")
def _near(unique, push_near, esm_directory):
    """Three ESMs: b is a's map slightly moved and c's texts are a's, in one space."""
    rng = np.random.default_rng(0)
    texts = {"a": rng.standard_normal(16), "b": rng.standard_normal(16)}
    texts["c"] = texts["a"] + 0.01
    a = EsmArtifact.read(esm_directory("a", seed=1)).map
    maps = {
        "a": a,
        "b": AffineMap(a.weight + np.float32(0.002), a.bias),
        "c": EsmArtifact.read(esm_directory("x", seed=9)).map,
    }
    for name, esm_map in maps.items():
        push_near(f"{unique}/{name}", unique, esm_map, texts[name])
    return unique, texts


def rows(answer, by):
    assert answer.status_code == 200, answer.text
    return [row["reference"] for row in answer.json()["rows"] if row["by"] == by]


def test_by_map_and_by_text(registry, near):
    space, _ = near
    with registry.client(registry.write_token) as client:
        answer = client.get(f"/v1/esms/{space}/a/versions/1/similar")
        assert rows(answer, "map") == [f"{space}/b@1", f"{space}/c@1"]
        assert rows(answer, "text") == [f"{space}/c@1", f"{space}/b@1"]
        assert answer.json()["rows"][0]["cosine"] > 0.9
        few = client.get(f"/v1/esms/{space}/a/versions/1/similar?limit=1")
        assert len(few.json()["rows"]) == 2
        client.put(f"/v1/esms/{space}/b/versions/1/yank", json={"reason": "x"}).raise_for_status()
        answer = client.get(f"/v1/esms/{space}/a/versions/1/similar")
        assert rows(answer, "map") == [f"{space}/c@1"]


def query(space, vector, **more):
    encoded = base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()
    return {"space": space, "embedding": encoded, **more}


def test_to_texts(registry, near, problem):
    space, texts = near
    with registry.client(registry.write_token) as client:
        answer = client.post("/v1/similar", json=query(space, texts["b"], limit=1))
        assert rows(answer, "text") == [f"{space}/b@1"]
        wrong = client.post("/v1/similar", json=query(space, np.ones(5)))
        problem(wrong, 400, DimensionMismatch.code)
        wrong = client.post("/v1/similar", json=query(space, np.full(16, np.nan)))
        problem(wrong, 400, InvalidEmbeddings.code)


def test_what_is_private_is_no_neighbour_to_others(registry, near):
    space, texts = near
    with registry.client(registry.admin_token) as root:
        root.patch(f"/v1/namespaces/{space}", json={"private": True}).raise_for_status()
    with registry.client(registry.write_token) as owner:
        assert len(rows(owner.post("/v1/similar", json=query(space, texts["a"])), "text")) == 3
    with registry.client(registry.create_token("read")) as other:
        assert rows(other.post("/v1/similar", json=query(space, texts["a"])), "text") == []


def test_private_neighbours_take_no_place_of_public_ones(
    registry, unique, push_near, near, esm_directory
):
    """Were answers short, their length would tell how many private ones are near."""
    space, texts = near
    hidden, away = f"{unique}-hidden", -texts["a"]
    a = EsmArtifact.read(esm_directory("a-again", seed=1)).map
    for number in range(12):
        moved = AffineMap(a.weight, a.bias + np.float32(0.00001 * number))
        push_near(f"{hidden}/e{number}", space, moved, away + 0.0001 * number)
    with registry.client(registry.admin_token) as root:
        root.patch(f"/v1/namespaces/{hidden}", json={"private": True}).raise_for_status()
        nearest = root.post("/v1/similar", json=query(space, away, limit=12))
        assert all(reference.startswith(hidden) for reference in rows(nearest, "text"))
    with registry.client(registry.create_token("read")) as other:
        for limit in (1, 2, 3):
            answer = other.post("/v1/similar", json=query(space, away, limit=limit))
            assert rows(answer, "text") == [f"{space}/{name}@1" for name in "bca"[:limit]]
            answer = other.get(f"/v1/esms/{space}/a/versions/1/similar?limit={limit}")
            assert rows(answer, "map") == [f"{space}/{name}@1" for name in "bc"[:limit]]
            assert len(rows(answer, "text")) == min(2, limit)
