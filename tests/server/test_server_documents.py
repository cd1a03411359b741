"""Every list and object of every request is read up to its first wrong item, and no further."""

import json
from contextlib import suppress

import pytest
from pydantic import ValidationError
from support.bodies import operations, places

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.document import Document
from esm_client.core.errors import InvalidArtifact, InvalidInput
from esm_client.core.schemas import PackedEsm, RankingOptions, Source, uploads
from esm_server.documents import read_document

MANY = 5_000
MOST_ERRORS = 40
"""Fields that are missing beside the wrong ones."""
WRONG = {"list": {"?": []}, "text": "?", "number": 0.5}


@pytest.fixture(name="models", scope="module")
def _models(registry):
    """All documents that arrive in requests, in packs and in the files of an ESM."""
    with registry.client() as client:
        document = client.get("/openapi.json").json()
    names = {one.schema["$ref"].rpartition("/")[2] for one in operations(document)}
    assert uploads  # not part of the package's own names
    found = {model.__name__: model for model in subclasses(Document)}
    assert len(names) >= 15
    return [*(found[name] for name in names), RankingOptions, PackedEsm, EsmConfig, Source]


def subclasses(model):
    for one in model.__subclasses__():
        yield one
        yield from subclasses(one)


def num_errors(model, given) -> int:
    try:
        model.model_validate(given)
    except ValidationError as error:
        return error.error_count()
    return 0


@pytest.mark.parametrize("kind", WRONG)
def test_no_request_makes_an_error_for_every_wrong_item(models, kind):
    wrong = WRONG[kind]
    seen = 0
    for model in models:
        schema = model.model_json_schema()
        for place, wrap in places(schema, schema.get("$defs", {})):
            many = [wrong] * MANY if place == "array" else {f"k{n}": wrong for n in range(MANY)}
            assert num_errors(model, wrap(many)) < MOST_ERRORS, (model.__name__, wrap("here"))
            seen += 1
    assert seen > 60


def test_every_list_and_object_has_a_length(models):
    """But for provenance, which is anything, bounded by its bytes."""
    unbounded = set()
    for model in models:
        for name, schema in model.model_json_schema().get("$defs", {}).items():
            unbounded |= {(name, field) for field in unbounded_fields(schema)}
        unbounded |= {
            (model.__name__, field) for field in unbounded_fields(model.model_json_schema())
        }
    assert unbounded == {("EsmVersionCreate", "provenance"), ("PackedEsm", "provenance")}


def unbounded_fields(schema):
    for name, field in schema.get("properties", {}).items():
        for one in within(field):
            if one.get("type") == "array" and "maxItems" not in one:
                yield name
            if one.get("additionalProperties") and "maxProperties" not in one:
                yield name


def within(schema):
    yield schema
    inner = [*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")]
    for one in inner:
        if isinstance(one, dict):
            yield from within(one)


@pytest.mark.parametrize("depth", [150, 500, 990, 10_000, 100_000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
def test_depth(depth, begin, end):
    text = begin * depth + "1" + end * depth
    for document in (
        text,
        f'{{"card": {text}}}',
        f'{{"manifest": {{"files": {{}}, "x": {text}}}}}',
    ):
        with pytest.raises((InvalidInput, RecursionError)):
            read_document(PackedEsm, document.encode())
    config = json.dumps({"base_model_name": "m", "task_id": "t", "dimension": 3})
    with suppress(InvalidArtifact):
        EsmConfig.from_json(f'{config[:-1]}, "esm_registry": {text}}}'.encode(), 3)


@pytest.mark.parametrize(
    "number", ["9" * 10**5, "-" + "9" * 10**5, "1e999999", "0." + "1" * 10**5, "1e-99999", "NaN"]
)
def test_numbers(number):
    for field in ("limit", "wait"):
        text = f'{{"space": "a", "{field}": [{number}]}}'.encode()
        with pytest.raises(InvalidInput):
            read_document(RankingOptions, text)


def test_lists_in_a_config_are_read_by_their_length():
    """The columns of another package's file, which come from a list or a text."""
    config = {"base_model_name": "m", "task_id": "t"}
    for columns in (["a"] * MANY, [[]] * MANY, ",".join("a" * MANY)):
        with pytest.raises(InvalidArtifact, match="text_columns.*at most 16"):
            EsmConfig.from_json(json.dumps({**config, "text_column": columns}).encode(), 3)
