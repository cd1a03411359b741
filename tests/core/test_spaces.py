import numpy as np
import pytest
from pydantic import ValidationError

from esm_client.core.errors import SpaceMismatch
from esm_client.core.spaces import (
    CANARIES,
    MAX_LENGTH,
    SEPARATOR,
    SpaceFingerprint,
    SpaceIdentity,
    check_same_space,
)
from esm_client.core.views import SpaceViews

IDENTITY = SpaceIdentity(base_model="org/Some Model", pooling="mean", dimension=32)


def fingerprint(identity=IDENTITY, change=None):
    rows = np.random.default_rng(0).normal(size=(len(CANARIES), identity.dimension))
    rows = rows if change is None else change(rows)
    return SpaceFingerprint(identity=identity, canaries=tuple(map(tuple, rows.tolist())))


def test_the_defaults_are_the_published_ones():
    assert (MAX_LENGTH, SEPARATOR) == (128, " [SEP] ")
    assert (IDENTITY.max_length, IDENTITY.separator) == (128, " [SEP] ")


def test_the_canaries_are_frozen():
    """Stored fingerprints are made of them: a change of one letter orphans every space."""
    import hashlib

    assert len(CANARIES) == 5
    assert hashlib.sha256(repr(CANARIES).encode()).hexdigest() == EXPECTED


EXPECTED = "e17a77964a21b9285eed3a21e4f9f7b96dfc6f9588be07ebaa0a99f500f673b6"


def test_a_long_canary_is_longer_than_any_common_length():
    assert len(CANARIES[3][0].split()) > 512


@pytest.mark.parametrize(
    ("base_model", "name"),
    [
        ("org/Some Model", "some-model-mean-128"),
        ("bert-base-uncased", "bert-base-uncased-mean-128"),
        ("org/模型", "space-mean-128"),
        ("///", "space-mean-128"),
        (".hidden.", "hidden-mean-128"),
        ("x" * 300, "x" * 70 + "-mean-128"),
    ],
)
def test_the_default_name_is_legal(base_model, name):
    from esm_client.core.references import check_name

    identity = IDENTITY.model_copy(update={"base_model": base_model})
    assert check_name(identity.default_name) == name


def test_the_same_space_is_accepted_under_another_name_and_in_half_precision():
    other = IDENTITY.model_copy(update={"base_model": "/a/folder", "revision": "abc"})
    check_same_space("s", fingerprint(), fingerprint())
    check_same_space("s", fingerprint(), fingerprint(other))
    half = fingerprint(change=lambda rows: rows.astype(np.float16).astype(np.float64))
    check_same_space("s", fingerprint(), half)


@pytest.mark.parametrize(
    ("part", "value"),
    [("pooling", "pooler"), ("max_length", 256), ("separator", " "), ("dimension", 16)],
)
def test_a_setting_that_differs_is_named_with_both_values(part, value):
    other = fingerprint(IDENTITY.model_copy(update={part: value}))
    ours = getattr(IDENTITY, part)
    with pytest.raises(SpaceMismatch) as error:
        check_same_space("team-space", fingerprint(), other)
    assert "'team-space'" in error.value.message
    assert f"its {part} is {ours!r}, yours is {value!r}" in error.value.message
    assert "org/Some Model" in error.value.hint


def _turned(angle):
    """Turn canary 2 by an angle, keeping its norm."""

    def change(rows):
        other = np.roll(rows[2], 1)
        other -= rows[2] * (other @ rows[2]) / (rows[2] @ rows[2])
        other *= np.linalg.norm(rows[2]) / np.linalg.norm(other)
        rows[2] = np.cos(angle) * rows[2] + np.sin(angle) * other
        return rows

    return change


def _scaled(factor):
    return lambda rows: rows * factor


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_turned(np.arccos(0.9985)), "canary sentence 2 has cosine 0.9985"),
        (_scaled(1.021), "canary sentence 0 has norm"),
        (_scaled(0.979), "canary sentence 0 has norm"),
        (_scaled(-1.0), "canary sentence 0 has cosine -1.0000"),
    ],
)
def test_canaries_that_differ_are_refused(change, message):
    with pytest.raises(SpaceMismatch, match=message):
        check_same_space("s", fingerprint(), fingerprint(change=change))


@pytest.mark.parametrize("change", [_turned(np.arccos(0.9995)), _scaled(1.019), _scaled(0.981)])
def test_small_differences_are_accepted(change):
    check_same_space("s", fingerprint(), fingerprint(change=change))


def test_canaries_of_another_width_than_they_say_are_refused():
    liar = fingerprint().model_copy(update={"canaries": tuple((1.0,) * 31 for _ in CANARIES)})
    with pytest.raises(SpaceMismatch, match="canary 0 has 31 numbers, not 32"):
        check_same_space("s", fingerprint(), liar)


@pytest.mark.parametrize(
    "canaries",
    [
        ((1.0,) * 32,) * 4,
        ((1.0,) * 32,) * 6,
        ((float("nan"),) * 32,) * 5,
        ((float("inf"),) * 32,) * 5,
        ((0.0,) * 32,) * 5,
        ((),) * 5,
    ],
)
def test_canaries_must_be_five_finite_vectors(canaries):
    with pytest.raises(ValidationError):
        SpaceFingerprint(identity=IDENTITY, canaries=canaries)


@pytest.mark.parametrize("factor", [1e200, 1e-200])
def test_numbers_whose_norm_cannot_be_told_are_refused(factor):
    with pytest.raises(ValidationError, match="finite and not zero"):
        fingerprint(change=_scaled(factor))


def test_canaries_must_be_as_wide_as_the_space():
    with pytest.raises(ValidationError, match=r"have \[31\] numbers, the space 32"):
        SpaceFingerprint(identity=IDENTITY, canaries=((1.0,) * 31,) * 5)


def test_a_cosine_that_is_not_a_number_does_not_pass():
    liar = fingerprint().model_copy(update={"canaries": ((float("nan"),) * 32,) * 5})
    with pytest.raises(SpaceMismatch, match="cosine nan"):
        check_same_space("s", liar, liar)


@pytest.mark.parametrize(
    "change",
    [
        {"base_model": ""},
        {"dimension": 0},
        {"dimension": 8193},
        {"pooling": "max"},
        {"max_length": 0},
        {"separator": "x" * 21},
        {"extra": 1},
    ],
)
def test_an_identity_is_checked(change):
    with pytest.raises(ValidationError):
        SpaceIdentity.model_validate(IDENTITY.model_dump() | change)


@pytest.mark.parametrize("digest", ["sha256:12", "md5:" + "0" * 64, "0" * 64])
def test_digests_are_checked(digest):
    with pytest.raises(ValidationError):
        SpaceFingerprint(identity=IDENTITY, canaries=fingerprint().canaries, weight_digest=digest)


WIDE = IDENTITY.model_copy(update={"views": SpaceViews(layer=3, count=20)})


def wide_fingerprint(of_x=1.0, of_u=1.0, noise=0.0):
    rng = np.random.default_rng(1)
    x, u = (rng.normal(size=(len(CANARIES), width)) for width in (32, 20))
    x = x + noise * rng.normal(size=x.shape)
    rows = np.hstack([of_x * x, 100 * of_u * u])
    return SpaceFingerprint(identity=WIDE, canaries=tuple(map(tuple, rows.tolist())))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise": 0.1}, r": canary sentence \d has cosine"),
        ({"of_x": 1.03}, r": canary sentence 0 has norm"),
        ({"of_u": 1.03}, r": the views of canary sentence 0 has norm"),
    ],
)
def test_views_hide_no_difference_of_the_embeddings_before_them(change, message):
    check_same_space("s", wide_fingerprint(), wide_fingerprint(of_x=1.01, of_u=0.99))
    with pytest.raises(SpaceMismatch, match=message):
        check_same_space("s", wide_fingerprint(), wide_fingerprint(**change))


@pytest.mark.parametrize("part", ["of_x", "of_u"])
def test_neither_embeddings_nor_views_are_zero(part):
    with pytest.raises(ValidationError, match="finite and not zero"):
        wide_fingerprint(**{part: 0.0})
