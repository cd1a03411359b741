"""Methods on a source model that was really fine-tuned, against computations of their own."""

import dataclasses
import weakref
from collections import Counter
from math import log

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file

from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.frozen_transfer import DECAY, FrozenTransfer, fit_head, head_metric
from esm_client.lab.selection.leep import Leep
from esm_client.lab.selection.logme import Logme
from esm_client.lab.selection.nce import Nce
from esm_client.lab.selection.ranking import make_methods, rank_candidates
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask
from esm_client.lab.training.metrics import mean_correlation


@pytest.fixture(name="direct")
def _direct(source_folder, three_classes):
    """Embeddings and class probabilities of the target, by transformers and numpy alone."""
    model = transformers.AutoModel.from_pretrained(source_folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(source_folder)
    rows = []
    for text in three_classes.texts:
        encoded = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            rows.append(model(**encoded).last_hidden_state[0].mean(0).double().numpy())
    embeddings = np.stack(rows)
    head = load_file(source_folder / "head.safetensors")
    exponentials = np.exp(embeddings @ head["weight"].T.astype(float) + head["bias"])
    return embeddings, exponentials / exponentials.sum(axis=1, keepdims=True)


def scored(method, model, target):
    prepared = method.prepare(Candidate("source", model=model))
    return method.score(prepared, target)


def test_the_source_model_has_learned_its_task(source_model, tiny, toy_task):
    probabilities = source_model.probabilities(
        TargetTask(toy_task, tiny.encoder).embedded_by(source_model)
    )
    classes = np.unique(toy_task.labels)
    assert (classes[probabilities.argmax(axis=1)] == toy_task.labels).mean() > 0.9


def test_logme(source_model, target, direct):
    expected = log_maximum_evidence(direct[0], target.task.labels, kind="classification")
    assert scored(Logme(), source_model, target) == pytest.approx(expected, abs=1e-5)
    published = log_maximum_evidence(
        direct[0], target.task.labels, kind="classification", variant="published"
    )
    found = scored(Logme("published"), source_model, target)
    assert found == pytest.approx(published, abs=1e-5)


def test_nce(source_model, target, direct):
    predicted = direct[1].argmax(axis=1).tolist()
    labels = target.task.labels.tolist()
    pairs, alone = Counter(zip(predicted, labels, strict=True)), Counter(predicted)
    expected = sum(n * log(n / alone[z]) for (z, _), n in pairs.items()) / len(labels)
    assert scored(Nce(), source_model, target) == pytest.approx(expected, abs=1e-12)


def test_leep(source_model, target, direct):
    labels = target.task.labels.tolist()
    joint = {
        (label, z): sum(p[z] for p, mine in zip(direct[1], labels, strict=True) if mine == label)
        for label in range(3)
        for z in range(2)
    }
    mass = [sum(joint[label, z] for label in range(3)) for z in range(2)]
    expected = np.mean([
        log(sum(joint[label, z] / mass[z] * p[z] for z in range(2)))
        for p, label in zip(direct[1], labels, strict=True)
    ])  # fmt: skip
    assert scored(Leep(), source_model, target) == pytest.approx(expected, abs=1e-6)


def test_heads_that_say_no_classes_are_not_asked(source_model, tiny, target):
    regression = SourceModel(source_model.encoder, "regression", source_model.head)
    without = SourceModel(source_model.encoder, "classification")
    candidates = [
        Candidate(name, model=model)
        for name, model in (("whole", source_model), ("number", regression), ("bare", without))
    ]
    found = rank_candidates(candidates, target, make_methods(["nce", "leep", "logme"]))
    for name in ("nce", "leep"):
        assert np.isnan(found[name].scores).tolist() == [False, True, True]
        assert found[name].reasons == dict.fromkeys(
            ("number", "bare"), f"{name} needs its source model with a classification head."
        )
    assert len(set(found["logme"].scores)) == 1


def test_source_models_are_not_kept(source_folder, tiny, target):
    """A registry of many large models is ranked with one or two of them in memory."""

    class Loaded(list):
        def __iter__(self):
            for number in range(4):
                model = SourceModel.load(source_folder, tiny)
                alive.append(weakref.ref(model))
                most.append(sum(one() is not None for one in alive))
                yield Candidate(f"source-{number}", model=model)
                del model

    alive, most = [], []
    rank_candidates(Loaded(range(4)), target, make_methods(["logme", "nce", "frozen-transfer"]))
    assert max(most) <= 2


class TestFrozenTransfer:
    HELD = np.arange(0, 300, 5)

    def test_separable_classes(self):
        chance = np.random.default_rng(0)
        labels = chance.integers(0, 3, 300)
        features = 6.0 * np.eye(8)[labels] + chance.standard_normal((300, 8)) / 2
        names = np.array(["x", "y", "z"])[labels]
        assert head_metric(features, names, self.HELD, "classification") == 1.0

    def test_a_linear_law(self):
        features = np.random.default_rng(1).standard_normal((300, 8)) * 100 + 7
        labels = features @ np.arange(8.0) - 3
        assert head_metric(features, labels, self.HELD, "regression") > 0.999

    def test_noise(self):
        chance = np.random.default_rng(2)
        features, labels = chance.standard_normal((2000, 8)), chance.integers(0, 2, 2000)
        held = np.arange(0, 2000, 2)
        assert 0.44 < head_metric(features, labels, held, "classification") < 0.56
        numbers = chance.standard_normal(2000)
        assert abs(head_metric(features, numbers, held, "regression")) < 0.1

    def test_constant_features_harm_nothing(self):
        features = np.ones((300, 3))
        features[:, 0] = np.arange(300) % 2
        labels = np.arange(300) % 2
        assert head_metric(features, labels, self.HELD, "classification") == 1.0

    def test_its_optimum_is_the_ridge_solution(self):
        """Correlated features, as embeddings are: a few directions hold most of the variance."""
        chance = np.random.default_rng(3)
        features = chance.standard_normal((240, 6)) @ chance.standard_normal((6, 40))
        features += chance.standard_normal((240, 40)) / 3
        features -= features.mean(axis=0)
        features /= features.std(axis=0)
        labels = features[:, 0] + chance.standard_normal(240)
        gram = features.T @ features + 240 * DECAY * np.eye(40)
        expected = np.linalg.solve(gram, features.T @ (labels - labels.mean()))
        weight, bias = fit_head(torch.from_numpy(features), torch.from_numpy(labels), classes=False)
        np.testing.assert_allclose(weight[:, 0].numpy(), expected, atol=1e-3)
        assert float(bias[0]) == pytest.approx(labels.mean(), abs=1e-5)

    def test_its_metric_is_that_of_the_ridge_solution(self, source_model, three_classes, tiny):
        numbers = np.random.default_rng(4).standard_normal(len(three_classes))
        task = dataclasses.replace(three_classes, labels=numbers, kind="regression")
        target = TargetTask(task, tiny.encoder, seed=5)
        order = np.random.default_rng(5).permutation(90)
        held, rows = np.sort(order[:18]), np.sort(order[18:])
        features = target.embedded_by(source_model).astype(float)
        scaled = (features - features[rows].mean(axis=0)) / features[rows].std(axis=0)
        y = (numbers[rows] - numbers[rows].mean()) / numbers[rows].std(ddof=1)
        gram = scaled[rows].T @ scaled[rows] + len(rows) * DECAY * np.eye(scaled.shape[1])
        predicted = scaled[held] @ np.linalg.solve(gram, scaled[rows].T @ y)
        expected = mean_correlation(predicted, numbers[held])
        assert scored(FrozenTransfer(), source_model, target) == pytest.approx(expected, abs=0.01)

    def test_its_classes_are_at_the_optimum(self):
        """The gradient is zero there: mean residual times features, plus the decay's."""
        chance = np.random.default_rng(6)
        x, y = chance.standard_normal((200, 10)), chance.integers(0, 3, 200)
        weight, bias = (
            part.numpy()
            for part in fit_head(torch.from_numpy(x), torch.from_numpy(y), classes=True)
        )
        exponentials = np.exp(x @ weight + bias)
        residual = exponentials / exponentials.sum(axis=1, keepdims=True) - np.eye(3)[y]
        np.testing.assert_allclose(x.T @ residual / 200 + 2 * DECAY * weight, 0, atol=1e-5)
        np.testing.assert_allclose(residual.mean(axis=0), 0, atol=1e-5)
