"""Views of an inner layer, the rows they are made on, and maps that read them."""

import numpy as np
import pytest

from esm_client.core.errors import InvalidArtifact, InvalidEmbeddings, InvalidInput
from esm_client.core.maps.wide import WideMap
from esm_client.core.tensors import dump_tensors, load_tensors
from esm_client.core.views import ViewBasis
from esm_client.lab.probes import PAIRS, digest_of, probe_rows
from esm_client.lab.training.fit.ridge import LAMBDAS, fit_ridge
from esm_client.lab.views import make_basis


@pytest.fixture(name="probes", scope="module")
def _probes(embedder):
    return probe_rows(embedder.encoder, rows=200)


class TestProbes:
    def test_are_what_any_text_could_be(self, embedder, probes):
        tokenizer = embedder.encoder.tokenizer
        start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
        pairs = 0
        for row in range(len(probes)):
            ids = probes[row]
            assert (ids[0], ids[-1]) == (start, end)
            assert 4 <= len(ids) - 2 <= 64
            inner = [number for number in ids[1:-1] if number in tokenizer.all_special_ids]
            assert inner in ([], [end])
            pairs += bool(inner)
        assert 0.5 * PAIRS < pairs / len(probes) < 1.5 * PAIRS

    def test_follow_from_the_seed(self, embedder, probes):
        encoder = embedder.encoder
        assert digest_of(probe_rows(encoder, rows=200)) == digest_of(probes)
        assert digest_of(probe_rows(encoder, rows=200, seed=1)) != digest_of(probes)
        assert digest_of(probe_rows(encoder, rows=199)) != digest_of(probes)

    def test_keep_to_the_length_of_the_space(self, model_folder):
        from esm_client import Embedder

        encoder = Embedder(model_folder, device="cpu", max_length=8).encoder
        rows = probe_rows(encoder, rows=50)
        assert max(len(rows[row]) for row in range(50)) == 8


class TestBasis:
    def test_views_hold_what_x_does_not_predict(self, embedder, probes):
        basis = make_basis(embedder.encoder, probes, 5, 1)
        x, (m,) = embedder.encoder.embed_with_layers(probes, (1,))
        u = basis.apply(x, m)
        assert u.shape == (200, 5)
        assert np.abs(u.mean(axis=0)).max() < 1e-4 * u.std()
        with_constant = np.column_stack([np.ones(200), x])
        fitted = with_constant @ np.linalg.lstsq(with_constant, u, rcond=None)[0]
        assert ((u - fitted) ** 2).sum() > 0.8 * (u**2).sum()
        assert np.all(np.diff((u**2).sum(axis=0)) <= 0), "the strongest come first"

    def test_embeds_like_everything_else(self, embedder, probes):
        x, _ = embedder.encoder.embed_with_layers(probes, ())
        np.testing.assert_allclose(x, embedder.encoder.embed_tokens(probes), atol=1e-5)

    def test_comes_back_from_its_bytes(self, embedder, probes):
        basis = make_basis(embedder.encoder, probes, 3, 1)
        back = ViewBasis.from_bytes(basis.to_bytes())
        assert back.views == basis.views
        assert (back.layer, back.count) == (1, 3)

    @pytest.mark.parametrize("layer", [0, -1, 2, 99])
    def test_a_layer_that_the_model_does_not_have(self, embedder, probes, layer):
        with pytest.raises(InvalidInput, match="layers"):
            make_basis(embedder.encoder, probes, 3, layer)

    @pytest.mark.parametrize("count", [0, 10_000])
    def test_more_views_than_dimensions(self, embedder, probes, count):
        with pytest.raises(InvalidInput, match="views"):
            make_basis(embedder.encoder, probes, count, 1)

    @pytest.mark.parametrize(
        ("changed", "problem"),
        [
            ({"inner": None}, "does not hold"),
            ({"more": np.zeros(3)}, "does not hold"),
            ({"offset": np.zeros(2)}, "shapes"),
            ({"base": np.zeros((3, 4))}, "shapes"),
            ({"inner": np.zeros((3, 2)), "base": np.zeros((3, 2))}, "3 views of 2"),
            ({"offset": np.array([0, np.nan, 0])}, "NaN"),
        ],
    )
    def test_files_that_are_no_basis(self, changed, problem):
        arrays = {"inner": np.ones((3, 5)), "base": np.ones((3, 5)), "offset": np.ones(3)}
        arrays = {k: v for k, v in (arrays | changed).items() if v is not None}
        with pytest.raises(InvalidArtifact, match=problem):
            ViewBasis.from_bytes(dump_tensors(arrays, {"layer": "1"}))

    @pytest.mark.parametrize("layer", ["", "x", "-1", "1000", "٣"])
    def test_layers_that_are_no_number(self, layer):
        arrays = {"inner": np.ones((3, 5)), "base": np.ones((3, 5)), "offset": np.ones(3)}
        with pytest.raises(InvalidArtifact, match="layer"):
            ViewBasis.from_bytes(dump_tensors(arrays, {"layer": layer}))
        tensors, _ = load_tensors(dump_tensors(arrays), "x")
        with pytest.raises(InvalidArtifact, match="layer"):
            ViewBasis.from_bytes(dump_tensors(tensors))


class TestWideFit:
    D, K, N = 6, 4, 400

    @pytest.fixture(name="pairs")
    def _pairs(self):
        rng = np.random.default_rng(0)
        z = rng.normal(size=(self.N, self.D + self.K)) + 3.0
        change = rng.normal(size=(self.D, 2)) @ rng.normal(size=(2, self.D + self.K))
        return z, 0.8 * z[:, : self.D] + z @ change.T + 0.01 * rng.normal(size=(self.N, self.D))

    def test_finds_what_reads_the_views(self, pairs):
        z, y = pairs
        fitted = fit_ridge(z, y)
        assert isinstance(fitted.map, WideMap)
        assert fitted.map.rank == self.D
        assert np.abs(fitted.map.apply(z) - y).max() < 0.1
        narrow = fit_ridge(z[:, : self.D], y).map
        assert np.abs(narrow.apply(z[:, : self.D]) - y).max() > 1.0
        for rank in (3, "auto"):
            assert fit_ridge(z, y, rank=rank).map.left.shape == (self.D, 3 if rank == 3 else 4)

    def test_equals_the_normal_equations(self, pairs):
        z, y = pairs
        penalty = 0.3
        fitted = fit_ridge(z, y, ridge_lambda=penalty)
        x = z[:, : self.D]
        zc, yc, xc = (a - a.mean(axis=0) for a in (z, y, x))
        c = np.sum(xc * yc) / np.sum(xc**2)
        unit = np.sum(zc**2) / self.D
        stacked = np.vstack([zc, np.sqrt(penalty * unit) * np.eye(self.D + self.K)])
        targets = np.vstack([yc - c * xc, np.zeros((self.D + self.K, self.D))])
        change = np.linalg.lstsq(stacked, targets, rcond=None)[0]
        wanted = c * xc + zc @ change + y.mean(axis=0)
        assert fitted.scale == pytest.approx(c)
        np.testing.assert_allclose(fitted.map.apply(z), wanted, atol=1e-9)

    def test_a_strong_penalty_leads_back_to_the_scaled_identity(self, pairs):
        z, y = pairs
        fitted = fit_ridge(z, y, ridge_lambda=1e9)
        moved = fitted.map.apply(z) - fitted.scale * z[:, : self.D]
        assert np.abs(moved - moved.mean(axis=0)).max() < 1e-5

    def test_the_penalty_is_the_best_on_held_out_rows(self, pairs):
        z, y = pairs
        noise = np.random.default_rng(1).normal(size=y.shape)
        fitted = fit_ridge(z[:40], y[:40] + 5 * noise[:40])
        assert fitted.ridge_lambda in LAMBDAS
        assert fitted.ridge_lambda > fit_ridge(z, y).ridge_lambda

    @pytest.mark.parametrize("width", [5, 13])
    def test_more_views_than_dimensions_or_less_than_x(self, pairs, width):
        _, y = pairs
        with pytest.raises(InvalidEmbeddings):
            fit_ridge(np.ones((self.N, width)), y)
