"""Near-duplicates of a map among all of its space, whose signatures are kept in memory."""

from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session

from esm_server.admission.repository import MapSignatureRepository
from esm_server.admission.signature import SAME_MAP, Signature, distances

MOST = 200
"""So many near-duplicates are looked at, the oldest first."""


@dataclass
class _Space:
    """Signatures by ascending key; rows beyond `count` are room to grow."""

    count: int = 0
    keys: NDArray[np.int64] = field(default_factory=lambda: np.zeros(64, np.int64))
    matrix: NDArray[np.float32] = field(default_factory=lambda: np.zeros((64, 0), np.float32))

    def append(self, key: int, signature: Signature) -> None:
        if self.count == len(self.keys) or self.matrix.shape[1] != signature.size:
            size = max(64, 2 * self.count)
            keys, matrix = np.zeros(size, np.int64), np.zeros((size, signature.size), np.float32)
            keys[: self.count] = self.keys[: self.count]
            matrix[: self.count] = self.matrix[: self.count] if self.count else 0
            self.keys, self.matrix = keys, matrix
        self.keys[self.count], self.matrix[self.count] = key, signature
        self.count += 1


class Duplicates:
    """The signatures of all spaces, each read once and followed from there on."""

    def __init__(self) -> None:
        self._spaces: dict[int, _Space] = {}
        self._lock = Lock()

    def nearest(
        self, session: Session, space_id: int, signature: Signature, namespace: str,
        esm_id: int | None,
    ) -> tuple[str, float] | None:  # fmt: skip
        """The oldest live near-duplicate of another ESM: its reference and distance."""
        signatures = MapSignatureRepository(session)
        with self._lock:
            known = self._spaces.setdefault(space_id, _Space())
            last = int(known.keys[known.count - 1]) if known.count else 0
            for key, data in signatures.after(space_id, last):
                known.append(key, np.frombuffer(data, "<f4"))
            keys, matrix = known.keys[: known.count], known.matrix[: known.count]
        if not len(keys):
            return None
        gaps = distances(signature, matrix)
        near = np.flatnonzero(gaps < SAME_MAP)[:MOST]
        found = signatures.first_visible(keys[near].tolist(), namespace, esm_id)
        return found and (found[1], float(gaps[near][keys[near] == found[0]][0]))
