"""What differs between two runs of the same work: beside the digest, not in it."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.training.finetune import FineTuned


class Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Time what happens inside."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def provenance(
    embedder: Embedder, clock: Clock, seed: int, tuned: FineTuned | None, task: TextTask
) -> dict[str, Any]:
    """Dates, device, versions, timings, and how the rows were read."""
    fingerprint = embedder.fingerprint
    return {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": embedder.device,
        "dropped_rows": task.dropped_rows,
        "epochs": tuned.epochs if tuned else None,
        "seconds": clock.seconds,
        "seed": seed,
        "tokenizer_digest": fingerprint.tokenizer_digest,
        "training_loss": tuned.loss if tuned else None,
        "versions": {name: version(name) for name in ("numpy", "torch", "transformers")},
        "weight_digest": fingerprint.weight_digest,
    }
