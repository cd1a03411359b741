"""What an error carries, and that it survives copies."""

import copy
import pickle

import pytest

from esm_client.core.errors import (
    DimensionMismatch,
    EsmError,
    InvalidDataset,
    MissingExtra,
    NotFound,
)
from esm_client.core.schemas import Problem

KINDS = [EsmError, InvalidDataset, NotFound, MissingExtra]


def made(kind):
    error = kind("No column.", "Pass `kind`.", parameters=["kind"], columns=("a", "b"))
    error.request_id = "r1"
    return error


def told(error):
    return (
        type(error), str(error), error.message, error.hint, error.parameters, dict(error.facts),
        error.request_id,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_copies_are_whole(kind, copied):
    error = made(kind)
    again = copied(error)
    assert again is not error
    assert told(again) == told(error)
    assert error.parameters == ("kind",)
    assert repr(again) == repr(error) == f"{kind.__name__}('No column.')"


@pytest.mark.parametrize("kind", KINDS)
def test_other_words_keep_the_rest(kind):
    error = made(kind)
    other = error.replaced(hint="Wait.")
    assert told(other) == (
        kind, "No column. Wait.", "No column.", "Wait.", ("kind",), {"columns": ("a", "b")}, "r1"
    )  # fmt: skip
    assert error.hint == "Pass `kind`."
    assert repr(error.replaced(message="None.")) == f"{kind.__name__}('None.')"
    assert str(error.replaced(message="None.", hint="")) == "None."


def test_an_error_without_facts():
    error = NotFound("No.")
    assert (error.hint, error.parameters, dict(error.facts)) == ("", (), {})


def test_facts_stay_in_the_process():
    error = DimensionMismatch("No.", "Pass `space`.", parameters=("space",), space="a")
    problem = Problem.of(error, "r1")
    assert "facts" not in problem.model_dump()
    again = Problem.model_validate_json(problem.model_dump_json()).error()
    assert isinstance(again, DimensionMismatch)
    assert (again.message, again.hint, again.request_id) == ("No.", "Pass `space`.", "r1")
    assert (again.parameters, dict(again.facts)) == ((), {})
