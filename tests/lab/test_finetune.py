import copy
import dataclasses

import numpy as np
import pytest
import torch
from support.base_models import with_minilm as pytest_generate_tests  # noqa: F401

from esm_client.core.errors import InvalidInput
from esm_client.lab.training.finetune import fine_tune
from esm_client.lab.training.recipe import FineTuneRecipe

FAST = FineTuneRecipe(epochs=1, learning_rate=1e-4)


def copied(embedder):
    """An encoder whose model may be changed."""
    encoder = embedder.encoder
    return encoder.with_model(copy.deepcopy(encoder.model))


@pytest.fixture(name="learning")
def _learning(by_base):
    """What a recipe takes to learn the reviews in a few epochs."""
    return by_base(tiny={"learning_rate": 5e-3, "batch_size": 8}, minilm={"learning_rate": 3e-4})


@pytest.fixture(name="reviews")
def _reviews(by_base, toy_task):
    """Reviews that the base model can learn without a mistake: the tiny one knows no synonyms."""
    words = {"good": "lovely", "bad": "awful"}
    texts = [f"The hotel was {words[label]}." for label in toy_task.labels]
    return by_base(tiny=dataclasses.replace(toy_task, texts=texts), minilm=toy_task)


def test_fine_tuning_learns(reviews, embedder, learning):
    recipe = FineTuneRecipe(**learning)
    tuned = fine_tune(copied(embedder), reviews, recipe, held_out=np.arange(0, 120, 5))
    assert tuned.metric == 1.0
    assert tuned.metric_name == "accuracy"
    assert not tuned.model.training


class _Killed(Exception):
    pass


@pytest.mark.parametrize("steps", [1, 3, 4, 7])
def test_a_run_that_was_killed_goes_on_to_the_same_model(
    toy_task, embedder, tmp_path, monkeypatch, steps
):
    recipe = FineTuneRecipe(epochs=2, learning_rate=1e-4)
    task = dataclasses.replace(toy_task, texts=toy_task.texts[:100], labels=toy_task.labels[:100])
    monkeypatch.setattr("esm_client.lab.training.checkpoint.SECONDS_BETWEEN", 0.0)
    whole = fine_tune(copied(embedder), task, recipe, checkpoint=tmp_path / "whole")
    assert not (tmp_path / "whole").exists()

    def killing(label, done, total):
        if done == steps:
            raise _Killed

    with pytest.raises(_Killed):
        fine_tune(copied(embedder), task, recipe, checkpoint=tmp_path / "k", progress=killing)
    seen = []
    resumed = fine_tune(
        copied(embedder), task, recipe, checkpoint=tmp_path / "k",
        progress=lambda label, done, total: seen.append(done),
    )  # fmt: skip
    assert seen[0] == steps
    assert resumed.loss == whole.loss
    assert not list(tmp_path.iterdir())
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name


def test_patience_ends_a_run_and_returns_to_the_best(reviews, embedder, learning):
    held_out = np.arange(0, 120, 5)
    recipe = FineTuneRecipe(**learning | {"epochs": 9, "patience": 1})
    tuned = fine_tune(copied(embedder), reviews, recipe, held_out=held_out)
    assert tuned.epochs < 9
    assert tuned.metric == 1.0


def test_too_little_memory_halves_the_batch_and_keeps_the_gradients(toy_task, embedder):
    """A hook stands in for a device that has room for eight texts."""
    task = dataclasses.replace(toy_task, texts=toy_task.texts[:64], labels=toy_task.labels[:64])
    sizes = []

    def limited(model, args, kwargs):
        sizes.append(len(kwargs["input_ids"]))
        if sizes[-1] > room:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    def run(hooked):
        encoder = copied(embedder)
        for module in encoder.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # else every part draws its own
        if hooked:
            encoder.model.register_forward_pre_hook(limited, with_kwargs=True)
        tuned = fine_tune(encoder, task, FAST)
        return tuned.loss, encoder.embed(task.texts[:40])

    room = 8
    (loss, whole), (parts_loss, parts) = run(False), run(True)
    assert parts_loss == pytest.approx(loss, rel=1e-4)
    np.testing.assert_allclose(parts, whole, atol=1e-3)
    assert 8 in sizes
    room = 0
    with pytest.raises(InvalidInput, match="no memory for a single text: CUDA out of memory"):
        run(True)
