"""Tests on a tiny base model and, among the slow ones, on MiniLM."""

import pytest

BOTH = ("tiny", pytest.param("minilm", marks=pytest.mark.slow))


def with_minilm(metafunc: pytest.Metafunc) -> None:
    """As `pytest_generate_tests` of a module: its tests run on both base models."""
    if "model_folder" in metafunc.fixturenames:
        metafunc.parametrize("model_folder", BOTH, indirect=True, scope="session")
