"""Probe rows: of random tokens and of a team's own texts, and what an ESM says of them."""

import numpy as np
import pytest

from esm_client import (
    Embedder,
    EsmArtifact,
    FineTuneRecipe,
    FitRecipe,
    ProbeRecipe,
    TextTask,
    build,
    train_esm,
)
from esm_client.core.errors import InvalidInput
from esm_client.core.maps.affine import AffineMap
from esm_client.core.schemas import FitReport, SourceTask
from esm_client.core.views import SpaceViews
from esm_client.lab import probes as probes_module
from esm_client.lab.build.jobs import make_jobs
from esm_client.lab.build.plan import DIGESTED, BaseModelChoice, Plan
from esm_client.lab.evaluation.plan import EvaluationPlan
from esm_client.lab.probes import (
    RECIPE,
    ROWS,
    digest_of,
    held_out,
    probe_rows,
    read_probe_texts,
)

OWN = ("A shop of bolts.", ("Who?", "Nobody."), "Straße 5, 東京")


@pytest.fixture(name="task", scope="module")
def _task():
    texts = ["A red door.", "The blue gate is shut.", ("Is it?", "It is."), "No."] * 10
    return TextTask(texts, np.arange(40) % 2, "classification", SourceTask(data_set="doors"))


@pytest.fixture(name="wide", scope="module")
def _wide(model_folder):
    return Embedder(model_folder, device="cpu", views=SpaceViews(layer=1, count=4))


@pytest.fixture(name="trained", scope="module")
def _trained(task, wide):
    def trained(probes=None):
        return train_esm(task, wide, FineTuneRecipe(epochs=1), probes=probes, progress=False)

    return trained


@pytest.fixture(name="usual", scope="module")
def _usual(trained):
    return trained()


class TestReport:
    def test_says_what_the_map_was_fitted_to(self, usual, wide):
        said = usual.config.fit.probes
        assert (said.recipe, said.texts, said.own_rows) == (RECIPE, 0, True)
        assert said.digest == digest_of(probe_rows(wide.encoder))
        assert said.held_out_rows == ROWS // 10
        assert RECIPE in usual.card
        assert "fitted to probe rows too" in usual.card

    def test_errors_are_those_of_held_out_probe_rows(self, usual, wide, task):
        rows = ProbeRecipe().rows(wide.encoder)
        base = wide.encoder.embed_tokens(rows, progress=False)[held_out(len(rows))]
        assert len(base) == usual.config.fit.probes.held_out_rows
        moved = usual.map.apply(base) - base[:, : usual.map.dimension]
        said = usual.config.fit.probes
        # both errors are of one unknown target: their difference is bounded by how far it moves
        root = np.sqrt(np.mean(moved**2))
        assert abs(np.sqrt(said.held_out_mse) - np.sqrt(said.identity_mse)) <= root * 1.001

    def test_the_base_model_reads_them_once_for_many_sources(self, wide, monkeypatch):
        rows, base = wide.embed_probes(ProbeRecipe(), progress=False)
        np.testing.assert_array_equal(base, wide.encoder.embed_tokens(rows, progress=False))
        monkeypatch.setattr(wide.encoder, "embed_tokens", None)
        assert wide.embed_probes(ProbeRecipe(own_rows=True), progress=False)[1] is base
        with pytest.raises(TypeError):
            wide.embed_probes(ProbeRecipe(OWN), progress=False)

    def test_own_texts_come_on_top(self, trained, usual, wide):
        artifact = trained(ProbeRecipe(OWN))
        said = artifact.config.fit.probes
        assert said.texts == len(OWN)
        assert said.digest == digest_of(ProbeRecipe(OWN).rows(wide.encoder))
        assert said.digest != usual.config.fit.probes.digest
        assert not np.array_equal(artifact.map.left, usual.map.left)

    def test_of_probe_rows_alone(self, trained, usual):
        artifact = trained(ProbeRecipe(own_rows=False))
        assert artifact.config.fit.probes.own_rows is False
        assert artifact.config.fit.probes.digest == usual.config.fit.probes.digest
        assert "to no row of its source" in artifact.card
        assert not np.array_equal(artifact.map.bias, usual.map.bias)

    def test_a_linear_map_is_of_embeddings_without_views(self, task, wide):
        recipe = FineTuneRecipe(epochs=1)
        artifact = train_esm(task, wide, recipe, FitRecipe("linear"), progress=False)
        assert isinstance(artifact.map, AffineMap)
        assert artifact.map.width == artifact.map.dimension == wide.identity.dimension
        assert artifact.config.fit.probes.held_out_rows == ROWS // 10

    def test_comes_back_from_its_file(self, usual, tmp_path):
        again = EsmArtifact.read(usual.write(tmp_path / "esm"))
        assert again.config.fit == usual.config.fit

    def test_other_maps_say_nothing_of_probes(self, narrow, task):
        artifact = train_esm(task, narrow, FineTuneRecipe(epochs=1), progress=False)
        assert artifact.config.fit.probes is None
        assert b"probes" not in artifact.config.to_json()
        assert FitReport.model_validate(artifact.config.fit.model_dump()) == artifact.config.fit


class TestRefused:
    def test_where_maps_read_no_views(self, narrow, task):
        with pytest.raises(InvalidInput, match="inner layer"):
            train_esm(task, narrow, probes=ProbeRecipe(OWN))

    @pytest.mark.parametrize("recipe", [FitRecipe("mlp"), FitRecipe("linear", "sgd")])
    def test_of_maps_trained_by_gradient_descent(self, wide, task, recipe):
        with pytest.raises(InvalidInput, match="no probe rows"):
            train_esm(task, wide, fit=recipe, probes=ProbeRecipe(OWN))

    def test_in_a_plan(self, model_folder, tmp_path):
        (tmp_path / "data.csv").write_text("text,label\n" + "a red door,1\na gate,0\n" * 20)
        plan = Plan.read(tmp_path / "data.csv")
        choice = BaseModelChoice(model=str(model_folder), views="none", probes_only=True)
        with pytest.raises(InvalidInput, match="inner layer"):
            make_jobs(plan.model_copy(update={"base_models": (choice,)}))


class TestFile:
    def test_a_text_a_line_and_pairs(self, tmp_path):
        path = tmp_path / "probes.txt"
        path.write_text("\ufeffA shop of bolts. \n\n  \nWho?\tNobody.\n\tStraße 5, 東京\n", "utf-8")
        assert read_probe_texts(path) == OWN

    @pytest.mark.parametrize("content", [b"", b" \n\t\n", b"caf\xe9\n"])
    def test_without_a_text(self, tmp_path, content):
        path = tmp_path / "probes.txt"
        path.write_bytes(content)
        with pytest.raises(InvalidInput, match=r"probes\.txt"):
            read_probe_texts(path)

    @pytest.mark.parametrize("name", ["missing.txt", "."])
    def test_that_cannot_be_read(self, tmp_path, name):
        with pytest.raises(InvalidInput, match="cannot be read"):
            read_probe_texts(tmp_path / name)

    def test_with_too_many_lines(self, tmp_path):
        path = tmp_path / "probes.txt"
        path.write_text("a\n" * (probes_module.MAX_TEXTS + 1))
        with pytest.raises(InvalidInput, match="20001 texts"):
            read_probe_texts(path)

    def test_too_large_to_be_read(self, tmp_path, monkeypatch):
        monkeypatch.setattr(probes_module, "MAX_FILE_BYTES", 10)
        path = tmp_path / "probes.txt"
        path.write_text("more than ten bytes\n")
        with pytest.raises(InvalidInput, match="20 bytes"):
            read_probe_texts(path)


class TestPlan:
    @pytest.fixture(name="space_key")
    def _space_key(self, model_folder, tmp_path):
        (tmp_path / "data.csv").write_text("text,label\n" + "a red door,1\na gate,0\n" * 20)
        (tmp_path / "probes.txt").write_text("A shop of bolts.\n")

        def key(lines):
            plan = tmp_path / "plan.toml"
            model = f'[[base_model]]\nmodel = "{model_folder}"\n{lines}\n'
            plan.write_text('[[data]]\ndata = "data.csv"\n' + model)
            (job,) = make_jobs(Plan.read(plan))
            return job.model_key

        return key

    def test_what_esms_are_made_of_is_in_their_keys(self, space_key):
        views = "views = {layer = 1, count = 4}"
        keys = [
            space_key(lines)
            for lines in (
                "", views, f'{views}\nprobe = "probes.txt"', f"{views}\nprobes_only = true",
            )
        ]  # fmt: skip
        assert len(set(keys)) == 4
        assert RECIPE in keys[1]

    def test_views_by_word_layer_or_in_full(self, space_key):
        lines = ["", 'views = "default"', "views = 1", "views = {layer = 1, count = 32}"]
        assert len({space_key(line) for line in lines}) == 1
        assert space_key('views = "none"') != space_key("")

    @pytest.mark.parametrize("said", ['"defalt"', "0", "true", "1.5", "[1]", "{layer = 0}"])
    def test_views_that_are_none(self, space_key, said):
        with pytest.raises(InvalidInput, match="views") as caught:
            space_key(f"views = {said}")
        assert "probes_only" in str(caught.value.hint)

    def test_what_a_plan_says_of_maps_is_not_dropped(self, model_folder, tmp_path):
        (tmp_path / "data.csv").write_text("text,label\n" + "a red door,1\na gate,0\n" * 20)
        model = f'[[base_model]]\nmodel = "{model_folder}"\nviews = {{layer = 1, count = 4}}\n'
        (tmp_path / "plan.toml").write_text('[[data]]\ndata = "data.csv"\n' + model)
        with pytest.raises(InvalidInput, match="another base model"):
            build(tmp_path / "plan.toml", tmp_path / "out", base_models=str(model_folder))
        plan = Plan.read(tmp_path / "plan.toml")
        with pytest.raises(InvalidInput, match="another base model"):
            EvaluationPlan.of(plan, plan, str(model_folder))

    @pytest.mark.parametrize("views", ["none", "default", 1, SpaceViews(layer=1, count=4)])
    def test_comes_back_as_it_was(self, views):
        """Workers are told of it as JSON."""
        choice = BaseModelChoice(model="m", views=views, probe="p", probes_only=True)
        assert BaseModelChoice.model_validate_json(choice.model_dump_json()) == choice

    def test_digests_of_a_time_without_views_stay(self):
        old = BaseModelChoice(model="m", views="none")
        assert set(old.model_dump(context=DIGESTED)) == {
            "model", "name", "pooling", "max_length", "separator",
        }  # fmt: skip
        assert "views" in BaseModelChoice(model="m").model_dump(context=DIGESTED)
