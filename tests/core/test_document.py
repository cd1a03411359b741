"""What documents are looked at for before their items: one error, however many are wrong."""

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from esm_client.core.document import Document, Entries, Items, read_any_version
from esm_client.core.schemas import EsmFilter, Manifest, SourceTask
from esm_client.core.spaces import CANARIES, SpaceFingerprint

MANY = 10_000
Short = Annotated[str, Field(max_length=5)]


class Inner(Document):
    names: Annotated[tuple[Short, ...], Items(3)] = ()
    numbers: Annotated[list[int], Items(3, least=1)] = Field([1])
    sizes: Annotated[dict[str, int], Entries(3, least=1)] = Field({"a": 1})


class Outer(Document):
    inner: Inner = Inner()
    all: Annotated[tuple[Inner, ...], Items(3)] = ()


def errors_of(model, given):
    with pytest.raises(ValidationError) as caught:
        model.model_validate(given)
    return [(error["type"], error["loc"]) for error in caught.value.errors()]


UNKNOWN = {f"k{number}": number for number in range(MANY)}


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (UNKNOWN, ("k0",)),
        ({"inner": UNKNOWN}, ("inner", "k0")),
        ({"all": [{}, UNKNOWN]}, ("all", 1, "k0")),
        ({"inner": {}, "colour": "red"}, ("colour",)),
        ({"": 1}, ("",)),
    ],
)
def test_of_unknown_keys_one_is_named(given, place):
    assert errors_of(Outer, given) == [("extra_forbidden", place)]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"names": [0] * 3}, ("string_type", ("names", 0))),
        ({"names": ["a", "too long", 0]}, ("string_too_long", ("names", 1))),
        ({"names": [0] * MANY}, ("too_long", ("names",))),
        ({"names": ["a"] * MANY}, ("too_long", ("names",))),
        ({"numbers": ["x", "y"]}, ("int_parsing", ("numbers", 0))),
        ({"numbers": ["x"] * MANY}, ("too_long", ("numbers",))),
        ({"numbers": []}, ("too_short", ("numbers",))),
        ({"sizes": {str(n): "x" for n in range(MANY)}}, ("too_long", ("sizes",))),
        ({"sizes": {}}, ("too_short", ("sizes",))),
    ],
)
def test_a_length_is_looked_at_before_the_items_and_the_first_wrong_item_ends_it(given, error):
    assert errors_of(Inner, given) == [error]


def test_an_object_within_its_length_tells_of_each_wrong_entry():
    found = errors_of(Inner, {"sizes": {"a": "x", "b": "y"}})
    assert found == [("int_parsing", ("sizes", "a")), ("int_parsing", ("sizes", "b"))]


def test_what_is_right_is_taken():
    assert Inner(names=("a", "b", "c"), sizes={"a": 1, "b": 2, "c": 3}).names == ("a", "b", "c")
    assert Outer.model_validate_json('{"all": [{"names": ["a"]}]}').all[0].names == ("a",)


def test_another_version_may_know_more_keys_at_any_depth():
    text = b'{"inner": {"names": ["a"], "later": 1}, "all": [{"newer": {"a": 1}}], "new": 2}'
    assert read_any_version(Outer, text) == Outer(inner=Inner(names=("a",)), all=(Inner(),))
    with pytest.raises(ValidationError):
        Outer.model_validate_json(text)
    with pytest.raises(ValidationError):
        read_any_version(Outer, b'{"inner": {"names": 3, "later": 1}}')


def test_the_schema_says_the_lengths():
    found = Inner.model_json_schema()["properties"]
    assert (found["numbers"]["minItems"], found["numbers"]["maxItems"]) == (1, 3)
    assert (found["sizes"]["minProperties"], found["sizes"]["maxProperties"]) == (1, 3)
    assert "minItems" not in found["names"]


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (EsmFilter, {"exclude": [0] * MANY}),
        (EsmFilter, {"task": [[]] * 50}),
        (Manifest, {"files": {str(number): {} for number in range(MANY)}}),
        (SourceTask, {"data_set": "a", "text_columns": [0] * MANY}),
        (SourceTask, {"data_set": "a", **UNKNOWN}),
    ],
)
def test_of_the_contract_too(model, given):
    assert len(errors_of(model, given)) == 1


def test_of_wrong_canaries_the_first_number_is_told():
    identity = {"base_model": "m", "pooling": "mean", "dimension": 8192}
    given = {"identity": identity, "canaries": [["x"] * 8192] * len(CANARIES)}
    found = errors_of(SpaceFingerprint, given)
    assert found[0] == ("float_parsing", ("canaries", 0, 0))
    assert len(found) <= 3  # and that those read so far are too few
