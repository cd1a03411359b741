"""A source task that may be fine-tuned on first, and what is known of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.artifact.summary import unpack_vocabulary
from esm_client.core.maps.storage import EsmMap
from esm_client.core.schemas import SourceKind
from esm_client.lab.selection.source_model import SourceModel


@dataclass(frozen=True, eq=False)
class Candidate:
    """What the methods may prepare from; what is None is not known.

    text_embedding: (D,) mean base embedding of the source texts. vocabulary: token ids that
    occur in them.
    """

    name: str
    num_rows: int | None = None
    kind: SourceKind | None = None
    esm: EsmMap | None = None
    text_embedding: NDArray[Any] | None = None
    vocabulary: NDArray[np.intp] | None = None
    model: SourceModel | None = None

    @classmethod
    def of_artifact(
        cls, name: str, artifact: EsmArtifact, model: SourceModel | None = None
    ) -> "Candidate":
        """What an ESM directory tells of its source."""
        summary, task = artifact.summary, artifact.config.task
        tokens = unpack_vocabulary(summary)
        return cls(
            name,
            task.num_rows,
            task.kind,
            artifact.map,
            summary.get("text_embedding"),
            None if tokens is None else np.array(sorted(tokens), dtype=np.intp),
            model,
        )
