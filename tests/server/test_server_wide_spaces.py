"""Spaces whose embeddings have views of an inner layer, and what belongs to them."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from esm_client import Client, TargetSketch
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.scoring.map_scores import MapScorer
from esm_client.core.views import SpaceViews

VIEWS = SpaceViews(layer=4, count=5)
D = 16
RNG = np.random.default_rng(3)
Z = RNG.standard_normal((80, D + VIEWS.count))
Y = np.arange(80) % 3


def sketch_of(views):
    width = D + (views.count if views else 0)
    said = views.of_sketch(D) if views else None
    return TargetSketch.from_embeddings(Z[:, :width], Y, kind="classification", views=said)


@pytest.fixture(name="pushed")
def _pushed(push, esm_directory, unique):
    """Three ESMs that read the views, one of the same base model that does not, by name."""
    made = {f"w{n}": esm_directory(f"w{n}", seed=n, views=VIEWS) for n in range(3)}
    made["narrow"] = esm_directory("narrow", seed=9)
    for name, directory in made.items():
        answer = push(directory, f"{unique}/{name}", space=unique)
        assert answer.status_code == 201, answer.text
    return made


def rank(registry, space, sketch, **fields):
    body = {"space": space, "sketch": base64.b64encode(sketch.to_bytes()).decode(), **fields}
    with registry.client(registry.read_token) as client:
        return client.post("/v1/rankings", json=body)


def test_the_first_push_says_the_views(registry, pushed, unique):
    with registry.client(registry.read_token) as client:
        space = client.get(f"/v1/spaces/{unique}").json()
        assert space["identity"]["views"] == {"layer": 4, "count": 5}
        assert {len(row) for row in space["canaries"]} == {D + 5}
    with Client(registry.url, registry.read_token) as client:
        (listed,) = [one for one in client.spaces() if one.name == unique]
        assert listed.num_esms == 4


def test_all_are_ranked_as_by_their_maps(registry, pushed, unique):
    sketch = sketch_of(VIEWS)
    receipt = rank(registry, unique, sketch, intercept=True).json()
    scores = {row["reference"].split("/")[1].split("@")[0]: row["score"] for row in receipt["rows"]}
    scorer = MapScorer(sketch, None, intercept=True)
    maps = {name: EsmArtifact.read(directory).map for name, directory in pushed.items()}
    wanted = {name: scorer.scores([one])[0] for name, one in maps.items()}
    assert scores == pytest.approx(wanted, rel=0, abs=1e-6)
    assert receipt["skipped"] == []


@pytest.mark.parametrize(
    "views", [None, SpaceViews(layer=4, count=4), SpaceViews(layer=3, count=5)]
)
def test_a_target_without_them_or_with_others(registry, pushed, unique, problem, views):
    answer = rank(registry, unique, sketch_of(views))
    told = problem(answer, 400, "dimension-mismatch")
    assert "5 of layer 4" in told["detail"]
    assert "views" in told["hint"]


def test_the_fingerprint_of_the_base_model_is_not_enough(registry, pushed, unique, problem):
    own = EsmArtifact.read(pushed["narrow"]).fingerprint.model_dump(mode="json")
    problem(rank(registry, unique, sketch_of(None), fingerprint=own), 400, "dimension-mismatch")
    receipt = rank(registry, unique, sketch_of(VIEWS), fingerprint=own).json()
    assert receipt["space_verified"] is False  # nothing was said of the views
    wide = EsmArtifact.read(pushed["w0"]).fingerprint.model_dump(mode="json")
    receipt = rank(registry, unique, sketch_of(VIEWS), fingerprint=wide).json()
    assert receipt["space_verified"] is True


def test_a_space_without_views_takes_no_wide_esm(push, esm_directory, unique, problem):
    assert push(esm_directory("a"), f"{unique}/a", space=unique).status_code == 201
    wide = esm_directory("b", views=VIEWS)
    told = problem(push(wide, f"{unique}/b", space=unique), 400, "dimension-mismatch")
    assert "views" in told["detail"]


def test_a_map_of_other_views(push, esm_directory, pushed, unique, problem):
    one = esm_directory("one", views=SpaceViews(layer=3, count=5))
    problem(push(one, f"{unique}/one", space=unique), 409, "space-mismatch")
    few = esm_directory("few", views=SpaceViews(layer=4, count=4))
    problem(push(few, f"{unique}/few", space=unique), 400, "dimension-mismatch")


def test_a_wide_esm_without_canaries(push, esm_directory, pushed, unique, problem):
    for number, views in enumerate((VIEWS, SpaceViews(layer=4, count=4))):
        bare = esm_directory(f"bare{number}", views=views, with_canaries=False, seed=20)
        answer = push(bare, f"{unique}/bare{number}", space=unique)
        if views == VIEWS:
            assert answer.status_code == 201, answer.text
        else:
            assert "views" in problem(answer, 400, "dimension-mismatch")["detail"]


@pytest.mark.parametrize("layer", [4, 3])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_fingerprint_without_views_hides_no_views(
    push, esm_directory, pushed, unique, problem, layer, is_new
):
    one = esm_directory("one", seed=30, views=SpaceViews(layer=layer, count=5))
    narrow = EsmArtifact.read(pushed["narrow"]).fingerprint.model_dump(mode="json")
    space = f"{unique}-new" if is_new else unique
    told = push(one, f"{unique}/one", space=space, fingerprint=narrow)
    assert "views" in problem(told, 409, "space-mismatch")["detail"]


def test_a_fingerprint_with_views_gives_an_esm_none(push, esm_directory, pushed, unique, problem):
    wide = EsmArtifact.read(pushed["w0"]).fingerprint.model_dump(mode="json")
    one = esm_directory("one", seed=31)
    told = push(one, f"{unique}/one", space=unique, fingerprint=wide)
    assert "views" in problem(told, 409, "space-mismatch")["detail"]


@pytest.mark.parametrize("views", [None, VIEWS])
def test_without_canaries_the_settings_decide(push, esm_directory, unique, problem, views):
    """A map of x alone, which says that it is of a space with views, or of one without."""
    other = VIEWS if views is None else None
    assert push(esm_directory("a", views=other), f"{unique}/a", space=unique).status_code == 201
    bare = EsmArtifact.read(esm_directory("bare", with_canaries=False, seed=32))
    said = bare.config.space.model_copy(update={"views": views})
    bare = replace(bare, config=bare.config.model_copy(update={"space": said}))
    directory = bare.write(esm_directory("x").parent / "said")
    answer = push(directory, f"{unique}/bare", space=unique)
    if views is None:
        assert answer.status_code == 201, answer.text
    else:
        problem(answer, 409, "space-mismatch")


def test_canaries_whose_embeddings_are_zero(push, esm_directory, unique, problem):
    one = esm_directory("one", views=VIEWS)
    told = EsmArtifact.read(one).fingerprint.model_dump(mode="json")
    told["canaries"] = [[0.0] * D + row[D:] for row in told["canaries"]]
    problem(push(one, f"{unique}/one", space=unique, fingerprint=told), 400, "invalid-input")
