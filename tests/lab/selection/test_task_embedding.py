"""TaskEmb: squared gradients, against autograd row by row, a plain loop and finite differences."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from esm_client.core.schemas import SourceTask
from esm_client.lab.data.task import TextTask
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.ranking import make_methods, rank_candidates
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask
from esm_client.lab.selection.task_embedding import (
    TaskEmbedding,
    component_cosines,
    empirical_fisher,
)
from esm_client.lab.training.finetune import fine_tune
from esm_client.lab.training.recipe import FineTuneRecipe

NAMES = (
    "embeddings.word_embeddings.weight",
    "encoder.layer.0.attention.self.query.weight",
    "encoder.layer.1.intermediate.dense.weight",
    "encoder.layer.1.output.LayerNorm.bias",
)


@pytest.fixture(name="part")
def _part(source_model, toy_task):
    """The source model with 40 of its rows, of several lengths: two batches of 32."""
    rows = dataclasses.replace(toy_task, texts=toy_task.texts[:40], labels=toy_task.labels[:40])
    return dataclasses.replace(source_model, task=rows)


def batch_loss(model, rows):
    """Mean loss of some rows by transformers' own padding, with the mask and all hidden states."""
    encoder, task = model.encoder, model.task
    encoded = encoder.tokenizer(
        [task.texts[row] for row in rows], return_tensors="pt", padding=True,
        return_token_type_ids=False,
    )  # fmt: skip
    output = encoder.model(**encoded, output_hidden_states=True)
    mask = encoded["attention_mask"].unsqueeze(-1).float()
    pooled = (output.last_hidden_state * mask).sum(1) / mask.sum(1)
    classes = np.unique(task.labels)
    truth = torch.from_numpy(np.searchsorted(classes, task.labels[rows]))
    loss = torch.nn.functional.cross_entropy(model.head(pooled), truth)
    return loss, mask, output.hidden_states


def parameters(model):
    found = dict(model.encoder.model.named_parameters())
    return [found[name] for name in NAMES]


def test_one_row_at_a_time_is_the_diagonal_of_the_fisher_information(part):
    found = empirical_fisher(part, batch_size=1)
    expected = [torch.zeros_like(p) for p in parameters(part)]
    for row in range(40):
        loss, _, _ = batch_loss(part, [row])
        for total, gradient in zip(
            expected, torch.autograd.grad(loss, parameters(part)), strict=True
        ):
            total += gradient**2 / 40
    for name, value in zip(NAMES, expected, strict=True):
        assert value.max() > 1e-9
        torch.testing.assert_close(found[f"weights/{name}"], value, rtol=1e-3, atol=1e-9)


def test_the_published_form_squares_the_mean_of_a_batch(part):
    found = empirical_fisher(part, batch_size=32)
    expected = [torch.zeros_like(p) for p in parameters(part)]
    layers, cls = [torch.zeros(32), torch.zeros(32)], torch.zeros(32)
    for rows in (list(range(32)), list(range(32, 40))):
        loss, mask, hidden = batch_loss(part, rows)
        gradients = torch.autograd.grad(loss, [*parameters(part), *hidden[1:]])
        for total, gradient in zip(expected, gradients[: len(NAMES)], strict=True):
            total += gradient**2 / 40
        for total, gradient in zip(layers, gradients[len(NAMES) :], strict=True):
            total += (gradient * mask).sum((0, 1)) ** 2 / mask.sum() / 40
        cls += gradients[-1][:, 0].sum(0) ** 2 / 40
    for name, value in zip(NAMES, expected, strict=True):
        torch.testing.assert_close(found[f"weights/{name}"], value, rtol=1e-3, atol=1e-9)
    for number, value in enumerate(layers):
        torch.testing.assert_close(found[f"outputs/{number}/layer"], value, rtol=1e-3, atol=1e-10)
    torch.testing.assert_close(found["outputs/cls"], cls, rtol=1e-3, atol=1e-10)


def test_the_gradient_is_what_finite_differences_say(part):
    """Of one batch of all rows, by the roots of the squares; where they are largest."""
    found = empirical_fisher(part, batch_size=40)
    for name, parameter in zip(NAMES, parameters(part), strict=True):
        gradient = (found[f"weights/{name}"] * 40).sqrt().flatten()
        for place in gradient.argsort(descending=True)[:3].tolist():
            losses = []
            for step in (0.01, -0.01):
                with torch.no_grad():
                    parameter.view(-1)[place] += step
                    losses.append(float(batch_loss(part, list(range(40)))[0]))
                    parameter.view(-1)[place] -= step
            difference = abs(losses[0] - losses[1]) / 0.02
            assert float(gradient[place]) == pytest.approx(difference, rel=0.03, abs=2e-5), name


def test_nothing_of_the_model_changes(part):
    before = {k: v.clone() for k, v in part.encoder.model.state_dict().items()}
    empirical_fisher(part, batch_size=32)
    assert all(torch.equal(before[k], v) for k, v in part.encoder.model.state_dict().items())
    assert all(p.grad is None for p in part.encoder.model.parameters())


def test_a_task_is_nearest_to_itself(part, tiny, toy_task, three_classes):
    """And the components' rankings are fused: one cosine each, 1 for the same task."""
    copied = tiny.encoder.with_model(copy.deepcopy(tiny.encoder.model))
    tuned = fine_tune(copied, three_classes, FineTuneRecipe(epochs=1, learning_rate=1e-3))
    other = SourceModel(copied, "classification", tuned.head, three_classes)
    target = TargetTask(part.task, tiny.encoder, fine_tuned=part)
    method = TaskEmbedding()
    cosines = method.score(method.prepare(Candidate("same", model=part)), target)
    keys = list(empirical_fisher(part, batch_size=32))
    empty = [number for number, key in enumerate(keys) if key.endswith("key.bias")]
    np.testing.assert_allclose(np.delete(cosines, empty), 1.0, atol=1e-6)
    assert cosines[empty].tolist() == [0.0, 0.0]
    candidates = [
        Candidate("other", model=other), Candidate("same", model=part),
        Candidate("rowless", model=dataclasses.replace(part, task=None)),
    ]  # fmt: skip
    (found,) = rank_candidates(candidates, target, make_methods(["task-embedding"])).values()
    assert found.scores[1] > found.scores[0]
    assert np.isnan(found.scores[2])
    assert found.reasons == {"rowless": "task-embedding needs its source model with head and rows."}


def test_small_gradients_count_like_large_ones():
    """Squares as small as 1e-12, which a well-trained model has, are no zeros."""
    chance = np.random.default_rng(0)
    squares = torch.from_numpy(chance.random((2, 5)).astype(np.float32))
    one = {"a": squares[0], "b": squares[0] * 1e-12}
    other = {"a": squares[1], "b": squares[1] * 1e-12}
    found = component_cosines(one, other)
    x, y = squares.double().numpy()
    np.testing.assert_allclose(found, x @ y / np.linalg.norm(x) / np.linalg.norm(y), rtol=1e-6)


def test_targets_without_class_labels(tiny, toy_task):
    """A tagged target is fine-tuned itself, on its own rows, and compared with a classifier."""
    texts = ["Anna moved to Lund", "Emre left Kyoto today", "Dagny stayed"] * 8
    tags = [("P", "O", "O", "L"), ("P", "O", "L", "O"), ("P", "O")] * 8
    labels = np.empty(24, dtype=object)
    labels[:] = tags
    task = TextTask(texts, labels, "sequence-labelling", SourceTask(data_set="moves"))
    target = TargetTask(task, tiny.encoder)
    copied = tiny.encoder.with_model(copy.deepcopy(tiny.encoder.model))
    tuned = fine_tune(copied, toy_task, FineTuneRecipe(epochs=1))
    model = SourceModel(copied, "classification", tuned.head, toy_task)
    candidates = [Candidate("reviews", model=model)]
    (found,) = rank_candidates(candidates, target, make_methods(["task-embedding"])).values()
    assert np.isfinite(found.scores).all()
