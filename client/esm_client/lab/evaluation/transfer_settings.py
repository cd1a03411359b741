"""What the results of transfers depend on beside source tasks and seeds."""

import json
from hashlib import sha256
from typing import Any

import numpy as np

from esm_client.core.schemas import SourceKind
from esm_client.lab.build.plan import Strict
from esm_client.lab.data.draw import digest_rows
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.evaluation.split_task import SplitTask
from esm_client.lab.training.recipe import FineTuneRecipe


class TransferSettings(Strict):
    """Results of equal settings compare, and share a folder."""

    kind: SourceKind
    training: str
    """Digest of the rows to train on ..."""
    evaluation: str
    """... and of those to measure on."""
    base_model: str | None
    """Digest of its weights."""
    space: dict[str, Any]
    recipe: dict[str, Any]

    @classmethod
    def of(
        cls, target: SplitTask, embedder: Embedder, recipe: FineTuneRecipe
    ) -> "TransferSettings":
        """The settings of fine-tuning a base model on a target."""
        return cls(
            kind=target.training.kind,
            training=_digest(target.training),
            evaluation=_digest(target.evaluation),
            base_model=embedder.fingerprint.weight_digest,
            space=embedder.identity.model_dump(mode="json", exclude={"base_model", "revision"}),
            recipe=vars(recipe),
        )

    @property
    def digest(self) -> str:
        """Equal digests, equal settings."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return f"sha256:{sha256(text.encode()).hexdigest()}"


def how_to_predict(target: SplitTask, embedder: Embedder) -> dict[str, Any]:
    """What a user of the fine-tuned model needs beside its files.

    labels: classes or tags in the order of the head's outputs. mean, scale: of a regression,
    whose head gives (label - mean) / scale.
    """
    kind, identity = target.training.kind, embedder.identity
    told: dict[str, Any] = {
        "kind": kind, "pooling": identity.pooling, "max_length": identity.max_length,
        "separator": identity.separator,
    }  # fmt: skip
    if kind == "classification":
        return {**told, "labels": np.unique(target.joined.labels).tolist()}
    if kind == "sequence-labelling":
        return {**told, "labels": sorted({tag for row in target.joined.labels for tag in row})}
    if kind == "regression":
        labels = target.training.labels
        return {**told, "mean": float(labels.mean()), "scale": float(labels.std()) or 1.0}
    return told


def _digest(task: TextTask) -> str:
    return digest_rows(
        (*((text,) if isinstance(text, str) else text), label)
        for text, label in zip(task.texts, task.labels.tolist(), strict=True)
    )
