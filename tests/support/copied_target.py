"""A space in which the source that scores best is a copy of the target."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from support.artifacts import make_esm

from esm_client import Client, EsmArtifact, Ranking, TargetSketch
from esm_client.core.schemas import RankedEsm

TEXTS = [(f"The staff of hotel number {number} were kind",) for number in range(60)]
OTHERS = [(f"A match that club number {number} lost at home",) for number in range(300)]


class CopiedTarget:
    """Three published ESMs, best first: `copy` holds the target, `second` and `third` do not.

    With `is_told=False` the copy tells nothing of its rows.
    """

    def __init__(
        self, client: Client, space: str, folder: Path, *, is_told: bool = True, draw: int = 7
    ) -> None:
        x = np.random.default_rng(draw).standard_normal((len(TEXTS), 16))
        self.space = space
        self.arrays = x, np.arange(len(TEXTS)) % 2
        self.sketch = TargetSketch.from_embeddings(*self.arrays, kind="classification")
        folder = folder / space
        best_first = sorted(range(3), key=lambda seed: -self._score(folder / "plain", seed))
        rows = (TEXTS + OTHERS[:100] if is_told else [], OTHERS[:150], OTHERS[150:])
        names = ("copy", "second", "third")
        for name, seed, own in zip(names, best_first, rows, strict=True):
            made = make_esm(folder, name, seed=seed, rows=own)
            client.push(made, f"{space}/{name}", space=space)
        self.copy, self.second, self.third = (f"{space}/{name}@1" for name in names)

    def rank(self, client: Client, **options: Any) -> Ranking:
        """A ranking for the target, whose texts are at hand unless told otherwise."""
        return client.rank(self.sketch, space=self.space, **{"target_rows": TEXTS, **options})

    def _score(self, folder: Path, seed: int) -> float:
        found: Any = EsmArtifact.read(make_esm(folder, f"e{seed}", seed=seed)).map
        return self.sketch.log_maximum_evidence(found.weight, found.bias)

    def check_it_is_said_first(self, found: Ranking) -> None:
        """That nobody knows stands before the name of the winner, wherever a ranking is shown."""
        assert found.best.reference == self.copy
        (caution,) = found.cautions
        assert "not known" in caution
        for shown in (repr(found), found._repr_html_()):
            assert shown.index(caution) < shown.index(self.copy)
        assert found.top(1).cautions == found.cautions


def references(rows: Iterable[RankedEsm]) -> list[str]:
    """The names of rows, in their order."""
    return [row.reference for row in rows]
