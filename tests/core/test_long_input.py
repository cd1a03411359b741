"""Errors show of the input as much as helps, however much there is of it."""

import warnings

import numpy as np
import pytest

from esm_client.core.artifact.directory import check_file_names
from esm_client.core.artifact.summary import parse_summary
from esm_client.core.errors import EsmError, InvalidInput
from esm_client.core.maps.storage import load_map
from esm_client.core.schemas import Problem
from esm_client.core.scoring.disclosure import warn_small_classes
from esm_client.core.scoring.embedded import EmbeddedTarget
from esm_client.core.scoring.jackknife import fold_sketches
from esm_client.core.scoring.labels import label_columns
from esm_client.core.tensors import dump_tensors

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
LONG = "x" * 10**6
ONE, NAN = np.ones(1), np.full(1, np.nan)
ROWS = np.random.default_rng(0).standard_normal((6, 2))
LONELY = [LONG, "b", "b", "b", "b", "b"]
SHOWN = {
    "a row of labels": lambda: label_columns(np.full((1, 10**6), np.nan), kind="regression"),
    "a label of no class": lambda: label_columns([LONG], kind="classification", class_names=["a"]),
    "a label that is no number": lambda: label_columns(
        np.array([LONG], dtype=object), kind="regression"
    ),
    "a class of one fold": lambda: fold_sketches(ROWS, LONELY, kind="classification", folds=2),
    "a kind": lambda: label_columns([1], kind=LONG),  # type: ignore[arg-type]
    "a tensor of a summary": lambda: parse_summary(dump_tensors({LONG: NAN}), 2),
    "a tensor of a map": lambda: load_map(dump_tensors({LONG: ONE})),
    "a tensor of a target": lambda: EmbeddedTarget.from_bytes(dump_tensors({LONG: ONE})),
    "a file that may run code": lambda: check_file_names({f"{LONG}.bin": ""}),
    "a file of no ESM": lambda: check_file_names({LONG: ""}),
}


@pytest.mark.parametrize("name", SHOWN)
def test_errors_are_short(name):
    with pytest.raises(EsmError) as caught:
        SHOWN[name]()
    assert len(str(caught.value)) < 800


def test_warnings_are_short():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_small_classes([(LONG, 1)] * 10, stacklevel=1)
    assert len(str(caught[0].message)) < 1000


def test_no_error_travels_whole_that_is_not():
    problem = Problem.of(InvalidInput(LONG, LONG))
    assert len(problem.model_dump_json()) < 10_000
    assert Problem.of(InvalidInput("What.", "Do.")).error().hint == "Do."
