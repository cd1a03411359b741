"""Attacks that succeed on an earlier edition, and on ours no more.

Each is tried on one server of each; what an attack does is in its module.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from inspect import isfunction

import pytest
from compatibility import attacks, attacks_later, attacks_with_tokens
from compatibility.attacked import Attacked
from compatibility.editions import ROOT, Edition

pytestmark = pytest.mark.slow
Attack = Callable[[Attacked], bool]


def attacks_of(module) -> list[Attack]:
    """The public functions of a module, in their order."""
    own = [found for found in vars(module).values() if isfunction(found)]
    return [
        one for one in own if one.__module__ == module.__name__ and not one.__name__.startswith("_")
    ]


ALL = [
    attack
    for module in (attacks_with_tokens, attacks_later, attacks)
    for attack in attacks_of(module)
]


@pytest.fixture(name="earlier", scope="module")
def _earlier(packages, tmp_path_factory) -> Iterator[Attacked]:
    yield from attacked((str(packages),), tmp_path_factory.mktemp("attacked-earlier"))


@pytest.fixture(name="present", scope="module")
def _present(tmp_path_factory) -> Iterator[Attacked]:
    ours = (str(ROOT / "client"), str(ROOT / "server"))
    yield from attacked(ours, tmp_path_factory.mktemp("attacked-present"))


def attacked(paths, folder) -> Iterator[Attacked]:
    home = folder / "home"
    home.mkdir()
    with ExitStack() as stack:
        yield Attacked(Edition(paths, home), folder / "world", stack)


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.__name__)
def test_succeeded_once_and_does_no_more(attack, earlier, present):
    assert attack(earlier), "it is no attack on the earlier edition"
    assert not attack(present), "it still succeeds"
