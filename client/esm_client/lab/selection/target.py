"""The user's own task, and the passes over it that several methods share."""

import copy
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from esm_client.core.maps.storage import EsmMap
from esm_client.core.schemas import SourceKind
from esm_client.core.scoring.disclosure import DisclosureWarning
from esm_client.core.scoring.map_scores import MapScorer
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.tokens import TokenStore
from esm_client.lab.training.finetune import fine_tune

Value = TypeVar("Value")


class TargetTask:
    """A target's training rows and a base model's encoder; whatever is computed is kept.

    seed: of what has to be drawn (held-out rows, the head and batches of a fine-tuning).
    fine_tuned: the base model fine-tuned on these rows, where there is one already.
    """

    def __init__(
        self,
        task: TextTask,
        encoder: TextEncoder,
        *,
        seed: int = 42,
        fine_tuned: SourceModel | None = None,
    ) -> None:
        self.task, self.encoder, self.seed = task, encoder, seed
        self._fine_tuned = fine_tuned
        self._by_model: WeakKeyDictionary[SourceModel, NDArray[np.float32]] = WeakKeyDictionary()
        self._kept: dict[str, Any] = {}

    @property
    def kind(self) -> SourceKind:
        """What its labels are."""
        return self.task.kind

    @cached_property
    def tokens(self) -> TokenStore:
        """The token ids of every row."""
        return TokenStore.of(self.encoder.join(self.task.texts), self.encoder.tokenise)

    @cached_property
    def embeddings(self) -> NDArray[np.float32]:
        """By the base model, (N, D)."""
        return self._features[:, : self.encoder.dimension]

    @cached_property
    def _features(self) -> NDArray[np.float32]:
        """With views behind them where the encoder gives some, (N, Z)."""
        return self.encoder.embed_tokens(self.tokens)

    def mapped(self, esm_map: EsmMap) -> NDArray[np.float32]:
        """The embeddings as a source model would make them, (N, D); raises DimensionMismatch."""
        is_narrow = esm_map.width == self.encoder.dimension
        return esm_map.apply(self.embeddings if is_narrow else self._features)

    @cached_property
    def scorer(self) -> MapScorer:
        """Scores maps against the labels, with an intercept. Raises InvalidInput for kinds
        without class or number labels."""
        kind = self.task.target_kind
        with warnings.catch_warnings():  # nothing of it travels
            warnings.simplefilter("ignore", DisclosureWarning)
            sketch = TargetSketch.from_embeddings(
                self._features, self.task.labels, kind=kind, views=self.encoder.of_sketch
            )
        return MapScorer(sketch, (self._features, self.task.labels), intercept=True)

    @cached_property
    def vocabulary(self) -> NDArray[np.intp]:
        """Token ids that occur, ascending."""
        return self.tokens.distinct()

    @property
    def fine_tuned(self) -> SourceModel:
        """The base model fine-tuned on these rows by the default recipe, at its first use."""
        if self._fine_tuned is None:
            copied = self.encoder.with_model(copy.deepcopy(self.encoder.model))
            tuned = fine_tune(copied, self.task, seed=self.seed)
            self._fine_tuned = SourceModel(copied, self.kind, tuned.head, self.task)
        return self._fine_tuned

    def embedded_by(self, model: SourceModel) -> NDArray[np.float32]:
        """By a source model, (N, D); kept as long as the model is."""
        if model not in self._by_model:
            self._by_model[model] = model.encoder.embed_tokens(self.tokens)
        return self._by_model[model]

    def keep(self, what: str, value: object) -> None:
        """Bring what `once` would compute."""
        self._kept[what] = value

    def once(self, what: str, compute: Callable[[], Value]) -> Value:
        """What a method needs of the target alone, computed at its first use."""
        if what not in self._kept:
            self._kept[what] = compute()
        return self._kept[what]
