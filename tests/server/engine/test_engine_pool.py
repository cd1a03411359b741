"""Maps at hand: what is pushed is found again, whatever happened to the files meanwhile."""

import sys
import time

import numpy as np
import pytest

from esm_client.core.errors import EsmError, StorageFull, Unavailable
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.maps.wide import WideMap
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.engine import pool as pool_module
from esm_server.engine.pool import ResidentPool
from esm_server.engine.request import Request
from esm_server.engine.scoring import Engine
from esm_server.engine.shelf import MapShape, check_of, check_of_digests

pytestmark = pytest.mark.filterwarnings(
    "ignore::esm_client.core.scoring.disclosure.DisclosureWarning"
)


def full(seed, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return AffineMap(rng.normal(size=(6, 6)).astype(dtype), rng.normal(size=6).astype(dtype))


def low_rank(seed, rank=2, dtype=np.float16):
    rng = np.random.default_rng(seed)
    shapes = ((1,), (6, rank), (6, rank), (6,))
    return LowRankMap(*(rng.normal(size=shape).astype(dtype) for shape in shapes))


def wide(seed, rank=2, views=3, dtype=np.float16):
    rng = np.random.default_rng(seed)
    shapes = ((1,), (6, rank), (6 + views, rank), (6,))
    return WideMap(*(rng.normal(size=shape).astype(dtype) for shape in shapes))


def mlp(seed, dtype=np.float32):
    rng = np.random.default_rng(seed)
    shapes = ((4, 6), (4,), (6, 4), (6,))
    return MlpMap(*(rng.normal(size=shape).astype(dtype) for shape in shapes))


def assert_found(pool, blobs, digests):
    for digest, place in pool.place(digests).items():
        record = place.shelf.records(place.row + 1)[place.row]
        assert record["digest"].tobytes().hex() == digest.removeprefix("sha256:")
        for name, array in blobs.maps[digest].tensors().items():
            held = record[name.removeprefix("model.").removeprefix("wide.")]
            assert held.dtype == array.dtype
            assert np.array_equal(held, array.reshape(held.shape))


def test_every_shape_and_precision_is_found_again(blobs, tmp_path):
    maps = [full(1), full(2, np.float64), full(3, np.float16), low_rank(4), low_rank(5, 3)]
    maps += [low_rank(6, 2, np.float32), low_rank(7), mlp(8), mlp(9, np.float16)]
    maps += [wide(10), wide(11, 2, 6), wide(12)]
    digests = [blobs.add(one) for one in maps]
    pool = ResidentPool(tmp_path / "pool", blobs.open)
    assert_found(pool, blobs, digests)
    assert blobs.opened == len(maps)
    assert_found(ResidentPool(tmp_path / "pool", blobs.open), blobs, digests)
    assert blobs.opened == len(maps), "a restart reads no blob"
    names = {path.name.partition(".")[0] for path in (tmp_path / "pool").iterdir()}
    assert {str(MapShape.parse(name)) for name in names} == names
    assert len(names) == 10


def test_a_lost_blob_says_so(blobs, tmp_path):
    found = ResidentPool(tmp_path / "pool", blobs.open).place(["sha256:" + "0" * 64])
    codes = [error.code for error in found.values() if isinstance(error, EsmError)]
    assert codes == ["invalid-artifact"]


def test_no_target_outlives_a_kill(blobs, tmp_path):
    left = tmp_path / "engine" / "targets" / "1.sketch"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    Engine(tmp_path / "engine", blobs.open, 1)
    assert not left.exists()


@pytest.mark.parametrize("damage", ["torn", "flipped", "gone", "foreign"])
def test_damage_is_mended_from_the_blobs(blobs, tmp_path, damage):
    digests = [blobs.add(low_rank(seed)) for seed in range(5)]
    pool = ResidentPool(tmp_path / "pool", blobs.open)
    pool.place(digests)
    (path,) = (tmp_path / "pool").iterdir()
    data = bytearray(path.read_bytes())
    if damage == "torn":
        path.write_bytes(data[: len(data) - 70])
    elif damage == "flipped":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "gone":
        path.unlink()
    else:
        (path.parent / "notes.txt").write_text("x")
    again = ResidentPool(tmp_path / "pool", blobs.open)
    assert_found(again, blobs, digests)
    assert blobs.opened == {"torn": 6, "flipped": 6, "gone": 10, "foreign": 5}[damage]
    assert_found(ResidentPool(tmp_path / "pool", blobs.open), blobs, digests)


def test_compaction_drops_what_is_dead_and_disturbs_nobody(blobs, tmp_path, monkeypatch):
    monkeypatch.setattr(pool_module, "COMPACT_RECORDS", 2)
    digests = [blobs.add(low_rank(seed)) for seed in range(10)]
    pool = ResidentPool(tmp_path / "pool", blobs.open)
    place = pool.place(digests)[digests[9]]
    reading = place.shelf.records()
    assert pool.compact(set(digests)) == 0
    assert pool.compact(set(digests[4:])) == 4
    assert_found(pool, blobs, digests[4:])
    assert len(list((tmp_path / "pool").iterdir())) == 1
    assert reading[9]["digest"].tobytes().hex() == digests[9].removeprefix("sha256:")
    assert_found(ResidentPool(tmp_path / "pool", blobs.open), blobs, digests[4:])
    assert blobs.opened == 10
    assert_found(pool, blobs, digests)
    assert blobs.opened == 14


def test_damage_under_a_running_engine_changes_no_score(blobs, tmp_path):
    digests = [blobs.add(full(seed)) for seed in range(6)]
    engine = Engine(tmp_path / "engine", blobs.open, 1)
    x = np.random.default_rng(0).normal(size=(50, 6))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    shelf = engine.pool(1).place(digests)[digests[0]].shelf
    data = bytearray(shelf.path.read_bytes())
    data[shelf.record_bytes - 80] ^= 1
    shelf.path.write_bytes(data)
    try:
        scores = engine.score(Request(1, sketch.to_bytes(), True, digests, "somebody")).scores
    finally:
        engine.close()
    expected = [sketch.log_maximum_evidence(blobs.maps[digest].weight) for digest in digests]
    assert scores == pytest.approx(expected, abs=1e-9)
    assert 6 < blobs.opened <= 8, "the chunk with the damage is read again"


def test_a_target_that_cannot_be_written_can_be_asked_for_again(blobs, tmp_path):
    digests = [blobs.add(full(1))]
    engine = Engine(tmp_path / "engine", blobs.open, 1)
    x = np.random.default_rng(0).normal(size=(50, 6))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    request = Request(1, sketch.to_bytes(), True, digests, "somebody")
    engine.pool(1).place(digests)
    (tmp_path / "engine" / "targets").write_bytes(b"no folder")
    try:
        with pytest.raises(StorageFull, match="cannot write the target"):
            engine.score(request)
        (tmp_path / "engine" / "targets").unlink()
        assert np.isfinite(engine.score(request).scores).all()
    finally:
        engine.close()


def test_maps_are_taken_in_before_anybody_ranks(blobs, tmp_path):
    digests = [blobs.add(full(seed)) for seed in range(3)]
    engine = Engine(tmp_path / "engine", blobs.open, 1)
    engine.take_in(1, digests)
    deadline = time.monotonic() + 20
    while len(engine.pool(1)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    engine.close()
    assert len(engine.pool(1)) == blobs.opened == 3


def test_a_worker_that_cannot_be_started_costs_one_ranking(blobs, tmp_path, monkeypatch):
    digests = [blobs.add(full(1))]
    engine = Engine(tmp_path / "engine", blobs.open, 1)
    x = np.random.default_rng(0).normal(size=(50, 6))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    request = Request(1, sketch.to_bytes(), True, digests, "somebody")
    try:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", str(tmp_path / "nothing"))
            with pytest.raises(Unavailable):
                engine.score(request)
        assert np.isfinite(engine.score(request).scores).all()
    finally:
        engine.close()


def test_a_check_names_the_maps_it_is_of(blobs, tmp_path):
    digests = [blobs.add(low_rank(seed)) for seed in range(4)]
    pool = ResidentPool(tmp_path / "pool", blobs.open)
    shelf = pool.place(digests)[digests[0]].shelf
    rows = np.array([2, 0])
    assert check_of(shelf.records(), rows) == check_of_digests([digests[2], digests[0]])


def test_compaction_under_a_ranking_changes_no_score(blobs, tmp_path, monkeypatch):
    """Between placing and scoring, the shelf is written anew, and a record is overwritten."""
    monkeypatch.setattr(pool_module, "COMPACT_RECORDS", 2)
    digests = [blobs.add(low_rank(seed)) for seed in range(30)]
    engine = Engine(tmp_path / "engine", blobs.open, 1)
    x = np.random.default_rng(0).normal(size=(50, 6))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    request = Request(1, sketch.to_bytes(), True, digests[10:], "somebody")
    pool = engine.pool(1)
    real = pool.place

    def place_then_compact(wanted):
        found = real(wanted)
        pool.compact(set(digests[10:]))
        return found

    pool.place(digests)
    monkeypatch.setattr(pool, "place", place_then_compact)
    try:
        scores = engine.score(request).scores
    finally:
        engine.close()
    for digest, score in zip(digests[10:], scores, strict=True):
        parts = [a.astype(np.float64) for a in blobs.maps[digest].tensors().values()]
        weight = float(parts[0][0]) * np.eye(6) + parts[1] @ parts[2].T
        assert score == pytest.approx(sketch.log_maximum_evidence(weight), abs=1e-8)


def test_the_process_of_the_engine_does_no_arithmetic_of_a_target(blobs, tmp_path, monkeypatch):
    """Nothing else would run there meanwhile: nine seconds for the largest target."""
    digests = [blobs.add(full(1))]
    engine = Engine(tmp_path / "engine", blobs.open, 1)
    x = np.random.default_rng(0).normal(size=(50, 6))
    sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
    request = Request(1, sketch.to_bytes(), True, digests, "somebody")
    expected = sketch.identity_log_maximum_evidence()
    monkeypatch.setattr(TargetSketch, "from_bytes", None)
    monkeypatch.setattr(TargetSketch, "design", None)
    try:
        assert engine.score(request).identity == pytest.approx(expected, abs=1e-9)
    finally:
        engine.close()
