"""Views of an inner layer, the rows that maps are fitted to beside, and maps that read views."""

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_bert import write_tiny_bert

from esm_client import Embedder
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.artifact.published import as_published
from esm_client.core.artifact.summary import X_BIAS, X_RIGHT
from esm_client.core.errors import (
    DimensionMismatch,
    InvalidArtifact,
    InvalidEmbeddings,
    InvalidInput,
    SpaceMismatch,
)
from esm_client.core.maps.low_rank import LowRankMap
from esm_client.core.maps.wide import WideMap
from esm_client.core.schemas import SourceTask
from esm_client.core.spaces import SpaceIdentity, check_same_space
from esm_client.core.views import SpaceViews
from esm_client.lab.data.task import TextTask
from esm_client.lab.probes import PAIRS, digest_of, probe_rows
from esm_client.lab.tokens import TokenStore
from esm_client.lab.training.fit.recipe import WIDE_RANK, FitRecipe, fit_map
from esm_client.lab.training.fit.ridge import LAMBDAS, fit_ridge, without_views
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.lab.training.train import train_esm
from esm_client.lab.views import MOST_VIEWS, chosen_views, views_of_folder

TEXTS = ["A red door.", "The blue gate is shut.", ("Is it?", "It is."), "No."]
SIGNS = ["-+--++---++++---", "----+---+--+-+++"]


@pytest.fixture(name="probes", scope="module")
def _probes(embedder):
    return probe_rows(embedder.encoder, rows=200)


@pytest.fixture(name="wide", scope="module")
def _wide(model_folder):
    def wide(count, layer=1, **settings):
        views = SpaceViews(layer=layer, count=count)
        return Embedder(model_folder, device="cpu", views=views, **settings)

    return wide


@pytest.fixture(name="trained", scope="module")
def _trained(model_folder):
    labels = np.array([n % 2 for n in range(10 * len(TEXTS))])
    task = TextTask(TEXTS * 10, labels, "classification", SourceTask(data_set="doors"))
    views = SpaceViews(layer=1, count=4)
    embedder = Embedder(model_folder, device="cpu", views=views)
    return train_esm(task, embedder, FineTuneRecipe(epochs=1)), embedder


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


class TestEmbedding:
    def test_views_stand_behind_the_embedding(self, narrow, embedder, wide):
        plain, texts = narrow.embed(TEXTS), [embedder.encoder.tokenise([t])[0] for t in TEXTS]
        _, (means,) = embedder.encoder.embed_with_layers(TokenStore(texts), (1,))
        whole = wide(embedder.encoder.dimension)
        z = whole.embed(TEXTS)
        assert z.shape == (len(TEXTS), whole.identity.width) == (len(TEXTS), 2 * plain.shape[1])
        np.testing.assert_allclose(z, np.hstack([plain, means]), atol=1e-5)

    def test_few_are_sums_with_signs(self, embedder, wide):
        dimension, few = embedder.encoder.dimension, wide(3)
        means = wide(dimension).embed(TEXTS)[:, dimension:]
        directions = few.identity.views.of_means(np.eye(dimension, dtype=np.float32)).T
        assert np.allclose(np.abs(directions), dimension**-0.5)
        assert abs((directions @ directions.T)[0, 1]) < 0.9
        np.testing.assert_allclose(few.embed(TEXTS)[:, dimension:], means @ directions.T, atol=1e-5)

    def test_the_same_on_every_machine(self):
        views = SpaceViews(layer=1, count=2)
        signs = np.sign(views.of_means(np.eye(16))).T.astype(int)
        assert ["".join("+-"[int(n < 0)] for n in row) for row in signs] == SIGNS
        more = SpaceViews(layer=1, count=9).of_means(np.eye(16))
        np.testing.assert_array_equal(more[:, :2], views.of_means(np.eye(16)))

    @pytest.mark.parametrize("layer", [2, 99])
    def test_a_layer_that_the_model_does_not_have(self, wide, layer):
        with pytest.raises(InvalidInput, match="layers"):
            wide(3, layer)

    def test_more_views_than_dimensions(self, wide):
        with pytest.raises(InvalidInput, match=r"no 8192 views"):
            wide(8192)

    def test_another_space(self, narrow, wide):
        few, other, plain = wide(3), wide(4), narrow
        check_same_space("s", few.fingerprint, wide(3).fingerprint)
        check_same_space("s", few.fingerprint, plain.fingerprint)
        for stored, offered in ((few, other), (plain, few)):
            with pytest.raises(SpaceMismatch, match="views of an inner layer"):
                check_same_space("s", stored.fingerprint, offered.fingerprint)
        assert few.identity.default_name == f"{plain.identity.default_name}-layer-1-3"

    def test_a_space_without_views_says_nothing_of_them(self, narrow, wide):
        assert "views" not in narrow.identity.model_dump()
        assert SpaceIdentity.model_validate_json(narrow.identity.model_dump_json())
        told = wide(3).identity.model_dump(mode="json")
        assert told["views"] == {"layer": 1, "count": 3}
        assert SpaceIdentity.model_validate(told) == wide(3).identity


class TestDefault:
    @pytest.mark.parametrize(
        ("layers", "layer"), [(2, 1), (3, 2), (4, 3), (5, 3), (6, 4), (12, 8), (24, 16)]
    )
    def test_is_the_layer_two_thirds_up(self, layers, layer):
        assert chosen_views("default", layers, 32) == SpaceViews(layer=layer, count=32)

    def test_of_wide_embeddings_has_fewer_views(self):
        assert chosen_views("default", 12, 768).count == MOST_VIEWS == 384

    def test_a_model_of_one_layer_has_none(self, tmp_path):
        folder = write_tiny_bert(tmp_path / "shallow", layers=1)
        assert Embedder(folder, device="cpu").identity.views is None
        assert views_of_folder("default", folder) is None
        for asked in (1, SpaceViews(layer=1, count=3)):
            with pytest.raises(InvalidInput, match="no inner layer 1: the base model has 1 layers"):
                Embedder(folder, device="cpu", views=asked)

    @pytest.mark.parametrize("asked", ["default", 1, None, SpaceViews(layer=1, count=3)])
    def test_is_told_by_the_folder_alone(self, model_folder, asked):
        embedder = Embedder(model_folder, device="cpu", views=asked)
        assert views_of_folder(asked, model_folder) == embedder.identity.views

    def test_another_word(self):
        with pytest.raises(InvalidInput, match="views is 'none'"):
            chosen_views("none", 6, 32)

    @pytest.mark.parametrize("config", ['{"model_type": "unheard-of"}', "{}", '{"model_type": 3}'])
    def test_of_a_folder_that_holds_no_base_model(self, tmp_path, config):
        (tmp_path / "config.json").write_text(config)
        with pytest.raises(InvalidInput, match="cannot be loaded"):
            views_of_folder("default", tmp_path)

    def test_the_same_model_with_others_is_not_loaded_again(self, embedder, narrow, wide):
        few = embedder.with_views(SpaceViews(layer=1, count=3))
        assert few.encoder.model is embedder.encoder.model
        assert few.fingerprint == wide(3).fingerprint
        assert embedder.with_views("default") is embedder
        assert embedder.with_views(None).identity == narrow.identity
        assert embedder.identity.views == chosen_views("default", 2, 32)

    def test_maps_have_rank_64(self):
        rng = np.random.default_rng(0)
        z, y = rng.normal(size=(300, 200)), rng.normal(size=(300, 100))
        rows = np.arange(300)
        assert fit_map(z, y, rows, FitRecipe()).map.rank == WIDE_RANK == 64
        assert fit_map(z, y, rows, FitRecipe(rank=3)).map.rank == 3
        assert fit_map(z[:, :40], y[:, :20], rows, FitRecipe()).map.rank == 20


class TestTraining:
    def test_reads_views(self, trained):
        artifact, embedder = trained
        assert isinstance(artifact.map, WideMap)
        assert artifact.map.width == embedder.identity.width
        assert artifact.map.left.dtype == np.float16
        assert artifact.apply(embedder.embed(TEXTS)).shape == (len(TEXTS), artifact.map.dimension)
        assert artifact.config.fit.rank == artifact.map.rank

    def test_the_card_says_how_to_apply_it(self, trained):
        artifact, _ = trained
        assert "views=esm.config.space.views" in artifact.card

    def test_comes_back_from_its_files(self, trained, tmp_path):
        artifact, _ = trained
        again = EsmArtifact.read(artifact.write(tmp_path / "esm"))
        assert again.config == artifact.config
        assert again.fingerprint == artifact.fingerprint

    def test_stands_for_views_where_there_are_none(self, trained):
        artifact, embedder = trained
        x = embedder.embed(TEXTS)[:, : artifact.map.dimension]
        plain = as_published(artifact)
        assert plain.config.architecture == "linear"
        assert plain.config.fit is None  # it is of the other map
        assert plain.card.startswith(artifact.card)
        assert "views of an inner layer" in plain.card.removeprefix(artifact.card)
        assert plain.apply(x).shape == x.shape
        broken = {**artifact.summary, X_BIAS: np.full_like(artifact.summary[X_BIAS], np.nan)}
        for summary in ({}, broken):
            with pytest.raises(InvalidArtifact, match="views"):
                as_published(replace(artifact, summary=summary))

    def test_a_map_of_more_than_its_space(self, trained):
        artifact, _ = trained
        identity = artifact.config.space.model_copy(update={"views": None})
        config = artifact.config.model_copy(update={"space": identity})
        with pytest.raises(DimensionMismatch, match="numbers of a text"):
            replace(artifact, config=config, summary={})


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

    def test_what_stands_for_views_is_what_x_predicts(self, pairs):
        z, y = pairs
        known = z.copy()
        known[:, self.D :] = z[:, : self.K] * 2.0 - 5.0
        wide = fit_ridge(known, y).map
        beside = without_views(wide, known, np.arange(self.N))
        x = known[:, : self.D]
        alone = LowRankMap(wide.scale, wide.left, beside[X_RIGHT], beside[X_BIAS])
        np.testing.assert_allclose(alone.apply(x), wide.apply(known), atol=0.05)
