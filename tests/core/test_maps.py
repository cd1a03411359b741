import numpy as np
import pytest

from esm_client.core.errors import InvalidArtifact, InvalidEmbeddings, NeedsEmbeddings
from esm_client.core.maps.affine import AffineMap
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.mlp import MlpMap
from esm_client.core.maps.storage import dump_map, load_map
from esm_client.core.maps.wide import WideMap
from esm_client.core.tensors import dump_tensors

D, Q, H = 5, 2, 3
RANDOM = np.random.default_rng(0)


def draw(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


MAPS = [
    AffineMap(draw(D, D), draw(D)),
    LowRankMap(draw(1), draw(D, Q), draw(D, Q), draw(D)),
    WideMap(draw(1), draw(D, Q), draw(D + 2, Q), draw(D)),
    MlpMap(draw(H, D), draw(H), draw(D, H), draw(D)),
]
Z = draw(7, D + 2)


def by_hand(esm_map, x):
    if isinstance(esm_map, AffineMap):
        return esm_map.weight @ x + esm_map.bias
    if isinstance(esm_map, LowRankMap):
        change = esm_map.left @ (esm_map.right.T @ x)
        return esm_map.scale[0] * x + change + esm_map.bias
    if isinstance(esm_map, WideMap):
        change = esm_map.left @ (esm_map.right.T @ x)
        return esm_map.scale[0] * x[:D] + change + esm_map.bias
    hidden = np.maximum(esm_map.hidden_weight @ x + esm_map.hidden_bias, 0)
    return x + esm_map.output_weight @ hidden + esm_map.output_bias


@pytest.mark.parametrize("esm_map", MAPS, ids=lambda m: m.architecture)
def test_every_map_does_what_its_formula_says(esm_map):
    read = Z[:, : esm_map.width]
    expected = [by_hand(esm_map, x) for x in read]
    np.testing.assert_allclose(esm_map.apply(read), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("esm_map", MAPS, ids=lambda m: m.architecture)
def test_tensors_stay_tensors(esm_map):
    torch = pytest.importorskip("torch")
    for dtype in (torch.float32, torch.float64):
        given = torch.from_numpy(Z[:, : esm_map.width]).to(dtype)
        found = esm_map.apply(given)
        assert found.dtype == dtype
        np.testing.assert_allclose(
            found.numpy(), esm_map.apply(Z[:, : esm_map.width]), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("esm_map", MAPS, ids=lambda m: m.architecture)
def test_every_map_comes_back_from_its_file(esm_map):
    back = load_map(dump_map(esm_map))
    assert type(back) is type(esm_map)
    assert dump_map(back) == dump_map(esm_map)
    for name, array in esm_map.tensors().items():
        np.testing.assert_array_equal(back.tensors()[name], array)


def test_only_affine_maps_have_a_matrix():
    affine, low_rank, wide, mlp = MAPS
    assert affine.as_affine() is affine
    for one in (low_rank, wide):
        read = Z[:, : one.width]
        np.testing.assert_allclose(one.as_affine().apply(read), one.apply(read), rtol=1e-3)
    with pytest.raises(NeedsEmbeddings, match="not affine"):
        mlp.as_affine()


@pytest.mark.parametrize("esm_map", MAPS, ids=lambda m: m.architecture)
def test_misshapen_and_infinite_arrays_are_refused(esm_map):
    tensors = esm_map.tensors()
    for name, array in tensors.items():
        if array.size == 1:
            continue
        with pytest.raises(InvalidArtifact):
            load_map(dump_tensors(tensors | {name: array[:1]}))
        broken = array.copy()
        broken.flat[0] = np.nan
        with pytest.raises(InvalidArtifact, match="1 NaN"):
            load_map(dump_tensors(tensors | {name: broken}))
        with pytest.raises(InvalidArtifact, match="holds the tensors"):
            load_map(dump_tensors({k: v for k, v in tensors.items() if k != name}))


def test_embeddings_of_another_shape_are_refused():
    for esm_map in MAPS:
        with pytest.raises(InvalidEmbeddings):
            esm_map.apply(Z[0])
