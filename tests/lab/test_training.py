import copy
import dataclasses

import numpy as np
import pytest
import torch
from support.base_models import with_minilm as pytest_generate_tests  # noqa: F401
from transformers import AutoModel

from esm_client.core.artifact.directory import EsmArtifact, directory_manifest
from esm_client.core.artifact.summary import unpack_vocabulary
from esm_client.core.errors import Conflict, InvalidDataset, InvalidInput, SpaceMismatch
from esm_client.core.shield.source import TargetHashes
from esm_client.core.spaces import check_same_space
from esm_client.lab.data.loading import load_task
from esm_client.lab.embedding import Embedder
from esm_client.lab.training import finetune, train
from esm_client.lab.training.finetune import fine_tune
from esm_client.lab.training.fit.recipe import FitRecipe, fit_map
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.lab.training.train import train_esm

FAST = FineTuneRecipe(epochs=1, learning_rate=1e-4)
LINEAR = FitRecipe("linear")


@pytest.fixture(scope="module", name="trained")
def _trained(toy_task, embedder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    artifact = train_esm(toy_task, embedder, FAST, keep_model=folder / "model")
    artifact.write(folder / "esm")
    return artifact, folder


def digest(artifact, folder):
    artifact.write(folder)
    return directory_manifest(folder)[1]


def test_the_map_beats_the_identity_on_held_out_rows(trained):
    fit = trained[0].config.fit
    assert 0 < fit.held_out_mse < fit.identity_mse
    assert fit.held_out_rows == 12
    assert fit.solver == "ridge"
    assert fit.ridge_lambda > 0
    assert 0 <= fit.validation_metric <= 1


def test_the_artifact_says_what_it_is(trained, toy_task, embedder, dimension):
    artifact = trained[0]
    assert artifact.config.task == toy_task.source_task
    assert artifact.config.space == embedder.identity
    assert artifact.config.recipe.lm_num_epochs == 1
    assert artifact.config.recipe.esm_optimizer == "ridge"
    assert {array.dtype for array in artifact.map.tensors().values()} == {np.dtype(np.float16)}
    assert artifact.config.architecture == artifact.map.architecture
    assert {k: (v.shape, v.dtype) for k, v in artifact.summary.items()} == {
        "text_embedding": ((dimension,), np.float32),
        "canaries": ((5, 2 * dimension), np.float32),
        "x_right": ((dimension, artifact.map.rank), np.float16),
        "x_bias": ((dimension,), np.float16),
        "label_counts": ((2,), np.float64),
        "vocabulary": ((len(artifact.summary["vocabulary"]),), np.uint64),
        "source_rows": ((len(set(toy_task.texts)),), np.uint64),
        "source_counts": ((3,), np.uint64),
    }
    steps = {"embed_base", "fine_tune", "embed_tuned", "embed_probes", "fit"}
    assert set(artifact.provenance["seconds"]) == steps
    assert "toy" in artifact.card
    assert "percent of what fine-tuning changes" in artifact.card
    check_same_space("minilm", embedder.fingerprint, artifact.fingerprint)


def test_all_rows_are_in_the_sketch_or_none(trained, toy_task, embedder):
    found = trained[0].source_sketches.overlap(TargetHashes.of(toy_task.rows))
    assert (found.share, found.exact) == (1.0, True)
    bare = train_esm(toy_task, embedder, FAST, shield=False)
    assert bare.source_sketches is None
    assert set(bare.summary) == {"text_embedding", "canaries", "label_counts", "x_right", "x_bias"}


def test_held_out_rows_are_neither_trained_on_nor_fitted(toy_task, embedder, monkeypatch):
    seen = {}

    def tuned(*args, held_out, **settings):
        seen["held_out"] = held_out.tolist()
        return fine_tune(*args, held_out=held_out, **settings)

    def epochs(run, *args):
        seen["trained"] = run._rows.tolist()
        return original(run, *args)

    def fitted(base, source, rows, *args, **settings):
        seen["fitted"] = rows.tolist()
        return fit_map(base, source, rows, *args, **settings)

    original = finetune._Run.train
    monkeypatch.setattr(train, "fine_tune", tuned)
    monkeypatch.setattr(finetune._Run, "train", epochs)
    monkeypatch.setattr(train, "fit_map", fitted)
    short = dataclasses.replace(toy_task, texts=toy_task.texts[:40], labels=toy_task.labels[:40])
    train_esm(short, embedder, FAST)
    assert len(seen["held_out"]) == 4
    assert sorted(seen["held_out"] + seen["trained"]) == list(range(40))
    assert seen["fitted"] == seen["trained"]


def test_it_is_read_back_as_it_was_written(trained):
    artifact, folder = trained
    back = EsmArtifact.read(folder / "esm")
    assert (back.config, back.card, dict(back.provenance)) == (
        artifact.config,
        artifact.card,
        dict(artifact.provenance),
    )
    for name, array in artifact.map.tensors().items():
        np.testing.assert_array_equal(back.map.tensors()[name], array)


def test_the_kept_model_is_the_source_model_that_the_map_imitates(trained, toy_task, embedder):
    artifact, folder = trained
    assert not list((folder / "model").glob("*.bin"))
    source = Embedder(folder / "model", device="cpu", views=None).embed(toy_task.texts)
    base = embedder.embed(toy_task.texts)
    order = np.random.default_rng(42).permutation(len(toy_task))[:12]
    error = np.mean((artifact.map.apply(base[order]) - source[order]) ** 2)
    assert error == pytest.approx(artifact.config.fit.held_out_mse, rel=1e-3)
    x = base[:, : source.shape[1]]
    assert np.mean((x[order] - source[order]) ** 2) == pytest.approx(
        artifact.config.fit.identity_mse, rel=1e-3
    )


def test_training_leaves_the_base_model_alone(trained, embedder, model_folder):
    untouched = AutoModel.from_pretrained(model_folder).state_dict()
    for name, tensor in embedder.encoder.model.state_dict().items():
        assert torch.equal(tensor, untouched[name]), name


def test_the_same_call_gives_the_same_digest(toy_task, embedder, tmp_path):
    short = dataclasses.replace(toy_task, texts=toy_task.texts[:40], labels=toy_task.labels[:40])
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first = digest(train_esm(short, embedder, FAST), tmp_path / "a")
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    again = digest(train_esm(short, embedder, FAST), tmp_path / "b")
    other = digest(train_esm(short, embedder, FAST, seed=1), tmp_path / "c")
    assert first == again != other


def test_regression_with_sgd_and_another_pooling(toy_file, model_folder):
    task = load_task(toy_file, text_columns=["text"], label_column="stars", limit_rows=60)
    artifact = train_esm(
        task, model_folder, FAST, FitRecipe("linear", "sgd"), pooling="first-token", device="cpu"
    )
    assert artifact.config.fit.validation_metric_name == "mean of Pearson and Spearman correlation"
    assert artifact.config.space.pooling == "first-token"
    assert artifact.config.recipe.esm_optimizer == "AdamW"
    assert artifact.config.task.kind == "regression"
    assert artifact.config.fit.ridge_lambda is None
    if artifact.config.fit.held_out_mse > artifact.config.fit.identity_mse:
        assert "worse than no map" in artifact.card


def test_a_learning_rate_that_diverges_says_so(toy_task, embedder):
    with pytest.raises(InvalidInput, match=r"diverged.*smaller than 1e\+20"):
        train_esm(toy_task, embedder, FineTuneRecipe(learning_rate=1e20))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (lambda: FitRecipe("linear", "magic"), "'magic' is no solver"),
        (lambda: FitRecipe("deep"), "'deep' is no architecture"),
        (lambda: FitRecipe("low-rank", "sgd"), "fitted in closed form"),
        (lambda: FitRecipe("mlp", "ridge"), "trained by gradient descent"),
        (lambda: FineTuneRecipe(epochs=0), "epochs is 0"),
        (lambda: FineTuneRecipe(learning_rate=-1.0), "learning_rate is -1"),
        (lambda: FineTuneRecipe(patience=0), "patience is 0"),
        (lambda: FineTuneRecipe(precision="half"), "'half' is no precision"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(InvalidInput, match=message):
        settings()


def test_too_few_rows_and_an_existing_folder_are_refused_at_once(toy_task, embedder, tmp_path):
    short = dataclasses.replace(toy_task, texts=toy_task.texts[:19], labels=toy_task.labels[:19])
    with pytest.raises(InvalidDataset, match="19 rows; an ESM needs at least 20"):
        train_esm(short, embedder)
    with pytest.raises(Conflict, match="exists already"):
        train_esm(toy_task, embedder, keep_model=tmp_path)


@pytest.mark.parametrize("architecture", ["linear", "low-rank", "mlp"])
def test_every_architecture_is_written_and_read(toy_task, embedder, tmp_path, architecture):
    short = dataclasses.replace(toy_task, texts=toy_task.texts[:40], labels=toy_task.labels[:40])
    artifact = train_esm(short, embedder, FAST, FitRecipe(architecture, rank=4))
    back = EsmArtifact.read(artifact.write(tmp_path / "esm"))
    written = {"low-rank": "wide-low-rank"}.get(architecture, architecture)
    assert back.config.architecture == written
    assert back.config.fit.rank == (4 if architecture == "low-rank" else None)
    X = embedder.embed(short.texts)[:, : back.map.width]
    np.testing.assert_array_equal(back.apply(X), artifact.apply(X))
    assert f"({written})" in back.card


def test_a_model_that_is_fine_tuned_already_is_imitated(trained, toy_task, embedder, tmp_path):
    first, folder = trained
    again = train_esm(toy_task, embedder, source_model=folder / "model")
    assert again.config.fit.held_out_mse == pytest.approx(first.config.fit.held_out_mse, rel=1e-3)
    assert again.config.fit.validation_metric is None
    assert again.config.recipe.lm_num_epochs is None
    other = tmp_path / "other"
    model = copy.deepcopy(embedder.encoder.model)
    layers = len(model.encoder.layer)
    model.encoder.layer = model.encoder.layer[: layers // 2]
    model.config.num_hidden_layers = layers // 2
    model.save_pretrained(other)
    embedder.encoder.tokenizer.save_pretrained(other)
    with pytest.raises(SpaceMismatch, match=f"number of layers {layers // 2}, not {layers}"):
        train_esm(toy_task, embedder, source_model=other)


def test_the_summary_counts_labels_and_keeps_the_vocabulary(trained, toy_task, embedder):
    summary = trained[0].summary
    assert summary["label_counts"].tolist() == [60, 60]
    tokens = embedder.encoder.tokenizer(toy_task.texts)["input_ids"]
    assert unpack_vocabulary(summary) == {token for row in tokens for token in row}
