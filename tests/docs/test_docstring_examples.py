"""The examples in the docstrings say what the code does."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def modules_with_examples() -> list[str]:
    return [
        ".".join(path.relative_to(ROOT / part).with_suffix("").parts)
        for part in ("client", "server")
        for path in sorted((ROOT / part).rglob("*.py"))
        if ">>> " in path.read_text()
    ]


def test_there_are_examples() -> None:
    assert {"esm_client.core.scoring.leep", "esm_client.core.scoring.evidence"} < set(
        modules_with_examples()
    )


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0
