"""What an ESM keeps of its source: numbers about the rows, never a row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.artifact.summary import VOCABULARY, pack_vocabulary
from esm_client.core.shield.source import SourceSketches
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.encoder import TextEncoder


def summarise(
    task: TextTask, base: NDArray[np.float32], embedder: Embedder, *, shield: bool
) -> dict[str, NDArray[Any]]:
    """The tensors of `core.artifact.summary`; `base` (N, Z) are the task's embeddings.

    shield: whether to keep what could tell that a guessed text was among the rows: sketches of
    rows, and the vocabulary.
    """
    dimension = embedder.identity.dimension
    kept: dict[str, NDArray[Any]] = {
        "text_embedding": base.mean(axis=0, dtype=np.float64)[:dimension].astype(np.float32),
        "canaries": np.array(embedder.fingerprint.canaries, dtype=np.float32),
        **_labels(task),
    }
    if shield:
        kept |= SourceSketches.of(task.rows).tensors()
        kept[VOCABULARY] = _vocabulary(embedder.encoder, task)
    return kept


def _labels(task: TextTask) -> dict[str, NDArray[Any]]:
    if task.kind == "regression":
        moments = [task.labels.mean(), task.labels.std()]
        return {"label_moments": np.array(moments, dtype=np.float64)}
    if task.kind == "question-answering":
        unanswered = int((task.labels[:, 0] < 0).sum())
        counts = [len(task) - unanswered, unanswered]
    else:
        tags = (tag for row in task.labels for tag in row)
        labels = task.labels if task.kind == "classification" else np.array(list(tags))
        counts = np.unique(labels, return_counts=True)[1].tolist()
    return {"label_counts": np.array(counts, dtype=np.float64)}


def _vocabulary(encoder: TextEncoder, task: TextTask) -> NDArray[np.uint64]:
    found: set[int] = set()
    for start in range(0, len(task), 1000):
        block = encoder.join(task.texts[start : start + 1000])
        found.update(token for row in encoder.tokenise(block) for token in row)
    return pack_vocabulary(found)
