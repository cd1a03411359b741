"""Candidates out of a pulled space, each read when its turn comes: only one is in memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import overload

from esm_client.core.errors import EsmError
from esm_client.core.schemas import EsmVersionDetail
from esm_client.lab.embedding import Embedder
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.source_model import SourceModel
from esm_client.ranking.source_pool import SourcePool


class PulledCandidates(Sequence[Candidate]):
    """The sources of a pool, in its order.

    models: source models, or the folders of such, by full reference. problems: filled while
    candidates are read, by reference: what of them cannot be used, and why.
    """

    def __init__(
        self, pool: SourcePool, embedder: Embedder, models: Mapping[str, SourceModel | Path]
    ) -> None:
        self._pool, self._embedder, self._models = pool, embedder, models
        lost = pool.local.content.lost
        self.problems: dict[str, str] = dict.fromkeys(lost, "The server has lost its files.")

    def __len__(self) -> int:
        return len(self._pool.versions)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> list[Candidate]: ...
    def __getitem__(self, index: int | slice) -> Candidate | list[Candidate]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        return self._read(self._pool.versions[index])

    def _read(self, detail: EsmVersionDetail) -> Candidate:
        model = self._model(detail.reference)
        try:
            artifact = self._pool.local.artifact(detail)
        except EsmError as error:  # the others are ranked all the same
            self.problems[detail.reference] = error.message
            # not even by its size, which would leave size to rank the most sources
            return Candidate(detail.reference, kind=detail.task.kind, model=model)
        return Candidate.of_artifact(detail.reference, artifact, model)

    def _model(self, reference: str) -> SourceModel | None:
        found = self._models.get(reference)
        if not isinstance(found, Path):
            return found
        try:
            return SourceModel.load(found, self._embedder)
        except EsmError as error:
            self.problems[reference] = f"Its source model cannot be used: {error.message}"
            return None
