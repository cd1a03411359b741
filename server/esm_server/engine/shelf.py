"""One file of maps that have the same shape, a record each, read through a memory map."""

import hashlib
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.maps.storage import EsmMap
from esm_client.core.maps.wide import WideMap

Records = NDArray[np.void]

_ALIGNMENT = 64
_DIGEST, _CRC = slice(0, 32), slice(32, 36)
_NAME = re.compile(
    r"(linear|low-rank|wide-low-rank|mlp)-(\d+)(?:\+(\d+))?-(\d+)-(float16|float32|float64)"
)
LOW_RANK = ("low-rank", "wide-low-rank")


@dataclass(frozen=True, slots=True)
class MapShape:
    """What the maps of a shelf have in common."""

    architecture: str
    dimension: int
    width: int
    """The rank of low-rank maps, the hidden units of MLPs, 0 for full maps."""
    dtype: str
    views: int = 0
    """The views of an inner layer that they read."""

    @staticmethod
    def of(esm_map: EsmMap) -> "MapShape":
        """The shape of a map, in the widest of its arrays' dtypes: nothing is rounded."""
        dtype = np.result_type(*esm_map.tensors().values())
        width = 0
        if isinstance(esm_map, LowRankMap | WideMap):
            width = esm_map.rank
        elif isinstance(esm_map, MlpMap):
            width = len(esm_map.hidden_bias)
        views = esm_map.width - esm_map.dimension
        return MapShape(esm_map.architecture, esm_map.dimension, width, dtype.name, views)

    @staticmethod
    def parse(name: str) -> "MapShape | None":
        """The shape that `str` wrote, if it is one."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        architecture, dimension, views, width, dtype = match.groups()
        return MapShape(architecture, int(dimension), int(width), dtype, int(views or 0))

    def __str__(self) -> str:
        views = f"+{self.views}" if self.views else ""
        return f"{self.architecture}-{self.dimension}{views}-{self.width}-{self.dtype}"

    def record(self) -> np.dtype[np.void]:
        """digest and crc of what follows, then the arrays, all of it aligned to cache lines."""
        wide, inner, read = self.dimension, self.width, self.dimension + self.views
        low_rank = {"bias": (wide,), "scale": (), "left": (wide, inner), "right": (read, inner)}
        shapes: dict[str, tuple[int, ...]] = {
            "linear": {"bias": (wide,), "weight": (wide, wide)},
            "low-rank": low_rank,
            "wide-low-rank": low_rank,
            "mlp": {
                "hidden.weight": (inner, wide), "hidden.bias": (inner,),
                "output.weight": (wide, inner), "output.bias": (wide,),
            },
        }[self.architecture]  # fmt: skip
        arrays = [(name, self.dtype, shape) for name, shape in shapes.items()]
        packed = np.dtype([("digest", "u1", (32,)), ("crc", "<u4"), ("", "V28"), *arrays])
        return np.dtype([("map", packed), ("", f"V{-packed.itemsize % _ALIGNMENT}")])


class Shelf:
    """Maps of one shape. Records are appended and never change; one process writes."""

    def __init__(self, path: Path, shape: MapShape) -> None:
        self.path, self.shape = path, shape
        self._record = shape.record()
        self._mapped: Records = np.zeros(0, dtype=self._record["map"])
        self._sound = np.zeros(0, dtype=np.bool_)

    @property
    def record_bytes(self) -> int:
        """What one map takes."""
        return self._record.itemsize

    def __len__(self) -> int:
        """Whole records in the file."""
        return self.path.stat().st_size // self.record_bytes if self.path.exists() else 0

    def records(self, at_least: int = 0) -> Records:
        """All records, mapped anew when there are not `at_least` so many yet."""
        if len(self._mapped) < max(at_least, 1) and (count := len(self)):
            whole = np.memmap(self.path, dtype=self._record, mode="r", shape=(count,))
            self._mapped = cast("Records", whole["map"])
        return self._mapped

    def are_sound(self, rows: NDArray[np.intp]) -> bool:
        """Whether the bytes of records are those that were written; each is read once for that."""
        if (missing := int(rows.max()) + 1 - len(self._sound)) > 0:
            self._sound = np.r_[self._sound, np.zeros(missing, dtype=np.bool_)]
        unread = rows[~self._sound[rows]]
        if unread.size:
            with self.path.open("rb") as file:
                self._sound[unread] = [self._is_sound(file, row) for row in unread.tolist()]
        return bool(self._sound[rows].all())

    def append(self, digest: str, esm_map: EsmMap) -> int:
        """Write a map at the end; returns its row."""
        data = self.record_of(digest, esm_map)
        row = len(self)
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.seek(row * self.record_bytes)  # over what a broken write has left
            file.write(data)
        return row

    def record_of(self, digest: str, esm_map: EsmMap) -> bytes:
        """The bytes of a map on this shelf."""
        record = np.zeros((), dtype=self._record)
        inner = record["map"]
        inner["digest"] = np.frombuffer(bytes.fromhex(digest.removeprefix("sha256:")), np.uint8)
        for name, array in esm_map.tensors().items():
            field = name.removeprefix("model.").removeprefix("wide.")
            inner[field] = array.reshape(inner[field].shape)
        data = bytearray(record.tobytes())
        data[_CRC] = _crc(data).to_bytes(4, "little")
        return bytes(data)

    def sound_digests(self) -> dict[str, int]:
        """The row of every map by its digest; rows whose bytes changed are left out."""
        found: dict[str, int] = {}
        with self.path.open("rb") as file:
            for row in range(len(self)):
                data = file.read(self.record_bytes)
                if _is_whole(data):
                    found[f"sha256:{data[_DIGEST].hex()}"] = row
        return found

    def _is_sound(self, file: BinaryIO, row: int) -> bool:
        file.seek(row * self.record_bytes)
        return _is_whole(file.read(self.record_bytes))


def check_of(records: Records, rows: NDArray[np.intp]) -> str:
    """A digest of which maps lie in these rows: equal ones mean that both sides mean the same."""
    return hashlib.sha256(records["digest"][rows].tobytes()).hexdigest()


def check_of_digests(digests: list[str]) -> str:
    """The same from the maps' digests."""
    joined = "".join(digest.removeprefix("sha256:") for digest in digests)
    return hashlib.sha256(bytes.fromhex(joined)).hexdigest()


def _is_whole(record: bytes) -> bool:
    return _crc(record) == int.from_bytes(record[_CRC], "little")


def _crc(record: Any) -> int:
    view = memoryview(record)
    return zlib.crc32(view[_CRC.stop :], zlib.crc32(view[_DIGEST]))
