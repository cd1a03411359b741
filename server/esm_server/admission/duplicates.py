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


ROUNDING = 1e-4
"""Of squared relative distances in single precision, with room to spare."""


@dataclass
class KnownSignatures:
    """Signatures by ascending key, as directions and norms; rows beyond `count` are room to grow.

    A push asks for what is near among all of its space, so a look at each takes one product.
    """

    count: int = 0
    keys: NDArray[np.int64] = field(default_factory=lambda: np.zeros(64, np.int64))
    norms: NDArray[np.float64] = field(default_factory=lambda: np.zeros(64))
    unit: NDArray[np.float32] = field(default_factory=lambda: np.zeros((64, 0), np.float32))

    def append(self, key: int, signature: Signature) -> None:
        """Take one in."""
        count, norm = self.count, _norm(signature)
        if count == len(self.keys) or self.unit.shape[1] != signature.size:
            size = max(64, 2 * count)
            keys, norms = np.zeros(size, np.int64), np.zeros(size)
            unit = np.zeros((size, signature.size), np.float32)
            keys[:count], norms[:count] = self.keys[:count], self.norms[:count]
            unit[:count] = self.unit[:count] if count else 0
            self.keys, self.norms, self.unit = keys, norms, unit
        self.keys[count], self.norms[count] = key, norm
        self.unit[count] = signature / (norm or 1.0)
        self.count += 1

    def near(self, signature: Signature) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Keys and relative distances of all nearer than SAME_MAP, at most MOST, oldest first."""
        norm, count = _norm(signature), self.count
        if not count:
            return self.keys[:0], self.norms[:0]
        norms, unit = self.norms[:count], self.unit[:count]
        largest = np.maximum(np.maximum(norms, norm), np.finfo(np.float64).tiny)
        ratio = np.minimum(norms, norm) / largest
        direction = (signature / (norm or 1.0)).astype(np.float32)
        squares = 1.0 + ratio**2 - 2.0 * ratio * (unit @ direction)
        both_zero = (norms == 0.0) & (norm == 0.0)
        close = np.flatnonzero((squares < SAME_MAP**2 + ROUNDING) | both_zero)
        gaps = distances(signature, (unit[close] * norms[close, np.newaxis]).astype(np.float32))
        kept = np.flatnonzero(gaps < SAME_MAP)[:MOST]
        return self.keys[close[kept]], gaps[kept]


def _norm(signature: Signature) -> float:
    return float(np.linalg.norm(signature.astype(np.float64)))


class Duplicates:
    """The signatures of all spaces, each read once and followed from there on."""

    def __init__(self) -> None:
        self._spaces: dict[int, KnownSignatures] = {}
        self._lock = Lock()

    def nearest(
        self, session: Session, space_id: int, signature: Signature, namespace: str,
        esm_id: int | None,
    ) -> tuple[str, float] | None:  # fmt: skip
        """The oldest live near-duplicate of another ESM: its reference and distance."""
        signatures = MapSignatureRepository(session)
        with self._lock:
            known = self._spaces.setdefault(space_id, KnownSignatures())
            last = int(known.keys[known.count - 1]) if known.count else 0
            for key, data in signatures.after(space_id, last):
                known.append(key, np.frombuffer(data, "<f4"))
            keys, gaps = known.near(signature)
        if not len(keys):
            return None
        found = signatures.first_visible(keys.tolist(), namespace, esm_id)
        return found and (found[1], float(gaps[keys == found[0]][0]))
