"""What a push computes of a map holds no more numbers than the map's file."""

import tracemalloc

import numpy as np
import pytest

from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap
from esm_server.admission.signature import linear_part, signature_of

RNG = np.random.default_rng(0)


def low_rank(dimension, dtype=np.float64):
    shapes = (1,), (dimension, 2), (dimension, 2), (dimension,)
    return LowRankMap(*(RNG.standard_normal(shape).astype(dtype) for shape in shapes))


@pytest.mark.parametrize("dimension", [1, 8, 128, 300])
def test_blocks_make_up_the_whole_map(dimension):
    one = low_rank(dimension)
    whole = one.as_affine()
    assembled = np.concatenate([weight for _, weight in linear_part(one)], axis=1)
    np.testing.assert_allclose(assembled, whole.weight, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(signature_of(one), signature_of(whole), rtol=1e-5, atol=1e-6)
    again = np.concatenate([weight for _, weight in linear_part(whole)], axis=1)
    np.testing.assert_array_equal(again, whole.weight)
    assert isinstance(whole, AffineMap)


@pytest.mark.parametrize("kind", ["low-rank", "mlp"])
def test_a_small_file_costs_little_memory(kind):
    dimension = 4096
    if kind == "low-rank":
        one = low_rank(dimension, np.float16)
    else:
        shapes = (1, dimension), (1,), (dimension, 1), (dimension,)
        one = MlpMap(*(RNG.standard_normal(shape).astype(np.float16) for shape in shapes))
    tracemalloc.start()
    signature_of(one)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < dimension * dimension * 2
