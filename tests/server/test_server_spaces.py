"""What may join an embedding space."""

import pytest

from esm_client.core.artifact.directory import EsmArtifact


@pytest.fixture(name="space")
def _space(push, esm_directory, unique):
    """A space of dimension 16, made by one push."""
    assert push(esm_directory("first"), f"{unique}/first", space=unique).status_code == 201
    return unique


def fingerprint_of(directory, **changes):
    document = EsmArtifact.read(directory).fingerprint.model_dump(mode="json")
    document["identity"].update(changes)
    return document


def test_other_canaries_are_another_space(push, esm_directory, problem, space):
    directory = esm_directory("other", space_seed=1)
    shown = problem(push(directory, f"{space}/b", space=space), 409, "space-mismatch")
    assert "cosine" in shown["detail"]
    assert "test-org/tiny-bert" in shown["hint"]


def test_slightly_different_canaries_are_the_same_space(push, esm_directory, space):
    directory = esm_directory("half", seed=5)
    document = fingerprint_of(directory)
    document["canaries"] = [[x * 1.001 for x in row] for row in document["canaries"]]
    response = push(directory, f"{space}/b", space=space, fingerprint=document)
    assert response.status_code == 201, response.text


@pytest.mark.parametrize(
    ("part", "value"), [("pooling", "pooler"), ("max_length", 64), ("separator", " ")]
)
def test_other_settings_are_another_space(push, esm_directory, problem, space, part, value):
    directory = esm_directory("other", seed=5)
    document = fingerprint_of(directory, **{part: value})
    response = push(directory, f"{space}/b", space=space, fingerprint=document)
    assert part in problem(response, 409, "space-mismatch")["detail"]


def test_fingerprint_must_be_the_artifacts_own(push, esm_directory, problem, space):
    """The space's fingerprint does not help an artifact of another space."""
    good, bad = esm_directory("good", seed=5), esm_directory("bad", seed=6, space_seed=1)
    document = fingerprint_of(good)
    problem(push(bad, f"{space}/b", space=space, fingerprint=document), 409, "space-mismatch")


def test_fingerprint_of_another_width(push, esm_directory, problem, space):
    directory, wide = esm_directory("a", seed=5), esm_directory("wide", dimension=24)
    document = fingerprint_of(wide)
    response = push(directory, f"{space}/b", space=space, fingerprint=document)
    problem(response, 400, "dimension-mismatch")


def test_fingerprint_that_contradicts_itself(push, esm_directory, problem, space):
    directory = esm_directory("a", seed=5)
    document = fingerprint_of(directory)
    document["canaries"] = [[*row, 1.0] for row in document["canaries"]]
    response = push(directory, f"{space}/b", space=space, fingerprint=document)
    problem(response, 400, "invalid-input")


def plain(esm_directory, **options):
    """An artifact as other packages write it: no space, no canaries."""
    return esm_directory("plain", seed=9, with_space=False, with_canaries=False, **options)


def test_plain_artifact_joins_a_named_space(push, esm_directory, space):
    response = push(plain(esm_directory), f"{space}/plain", space=space)
    assert response.status_code == 201, response.text
    assert response.json()["space"] == space


def test_plain_artifact_needs_a_space(push, esm_directory, problem, space):
    shown = problem(push(plain(esm_directory), f"{space}/plain"), 404, "not-found")
    assert "`space`" in shown["hint"]


def test_plain_artifact_cannot_create_a_space(push, esm_directory, problem, unique):
    response = push(plain(esm_directory), f"{unique}/plain", space=f"{unique}-new")
    shown = problem(response, 404, "not-found")
    assert "can only join an existing space" in shown["hint"]


def test_plain_artifact_of_another_width(push, esm_directory, problem, space):
    directory = plain(esm_directory, dimension=24)
    response = push(directory, f"{space}/plain", space=space)
    detail = problem(response, 400, "dimension-mismatch")["detail"]
    assert "24" in detail
    assert "16" in detail


def test_plain_artifact_of_another_base_model(push, esm_directory, problem, space):
    directory = plain(esm_directory, base_model="test-org/other-bert")
    response = push(directory, f"{space}/plain", space=space)
    assert "other-bert" in problem(response, 409, "space-mismatch")["detail"]


def test_plain_artifact_from_a_local_path(push, esm_directory, space):
    directory = plain(esm_directory, base_model="/models/whatever")
    assert push(directory, f"{space}/plain", space=space).status_code == 201


def test_settings_without_canaries_are_compared(push, esm_directory, problem, space, unique):
    directory = esm_directory("settings", seed=9, with_canaries=False)
    assert push(directory, f"{space}/settings", space=space).status_code == 201
    other = f"{unique}-other"
    document = fingerprint_of(esm_directory("donor"), pooling="pooler")
    assert (
        push(plain(esm_directory), f"{other}/a", space=other, fingerprint=document).status_code
        == 201
    )
    problem(push(directory, f"{other}/b", space=other), 409, "space-mismatch")


def test_name_belongs_to_one_space(push, esm_directory, problem, space):
    directory = esm_directory("other", seed=5, space_seed=1)
    response = push(directory, f"{space}/first", space=f"{space}-other")
    problem(response, 409, "conflict")


def test_refused_push_creates_no_space(registry, push, esm_directory, problem, space):
    test_name_belongs_to_one_space(push, esm_directory, problem, space)
    with registry.client(registry.read_token) as client:
        problem(client.get(f"/v1/spaces/{space}-other"), 404, "not-found")
