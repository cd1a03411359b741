"""A tiny transformer, fine-tuned for real, and a target of other labels."""

import copy
import dataclasses

import numpy as np
import pytest

from esm_client.lab.embedding import Embedder
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask
from esm_client.lab.training.finetune import fine_tune
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.lab.training.source_model import save_source_model

RECIPE = FineTuneRecipe(epochs=16, learning_rate=2e-3)


@pytest.fixture(scope="module", name="tiny")
def _tiny(model_folder):
    return Embedder(model_folder, device="cpu", name="org/tiny", max_length=64)


@pytest.fixture(scope="module", name="source_folder")
def _source_folder(tiny, toy_task, tmp_path_factory):
    """What fine-tuning on the toy reviews left, as `train --keep-model` writes it."""
    folder = tmp_path_factory.mktemp("source") / "model"
    copied = tiny.encoder.with_model(copy.deepcopy(tiny.encoder.model))
    save_source_model(folder, fine_tune(copied, toy_task, RECIPE), copied, toy_task)
    return folder


@pytest.fixture(name="source_model")
def _source_model(tiny, toy_task, source_folder):
    return SourceModel.load(source_folder, tiny, toy_task)


@pytest.fixture(scope="module", name="three_classes")
def _three_classes(toy_task):
    """Some of the toy reviews, by what they are of."""
    groups = {"ferry": 0, "bicycle": 0, "train": 0, "soup": 1, "market": 1, "garden": 1}
    labels = np.array([groups.get(text.split()[1], 2) for text in toy_task.texts[:90]])
    return dataclasses.replace(toy_task, texts=toy_task.texts[:90], labels=labels)


@pytest.fixture(name="target")
def _target(tiny, three_classes):
    return TargetTask(three_classes, tiny.encoder)
