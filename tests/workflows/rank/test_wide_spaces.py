"""From rows to a ranking in a space whose maps read an inner layer too."""

import numpy as np
import pytest
from support.tiny_bert import write_tiny_bert

from esm_client import Embedder, TextTask, rank, train_esm
from esm_client.core.errors import DimensionMismatch, SpaceMismatch
from esm_client.core.schemas import SourceTask
from esm_client.core.views import SpaceViews
from esm_client.lab.training.recipe import FineTuneRecipe

pytestmark = pytest.mark.filterwarnings(
    "ignore::esm_client.core.scoring.disclosure.DisclosureWarning"
)


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory):
    return write_tiny_bert(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(name="wide", scope="module")
def _wide(model):
    return Embedder(model, device="cpu", name="test-org/tiny")


@pytest.fixture(name="trained", scope="module")
def _trained(wide):
    """Two ESMs."""
    made = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        texts = [f"row {n} of {'abc'[seed]} {rng.integers(9)}" for n in range(40)]
        task = TextTask(texts, np.arange(40) % 2, "classification", SourceTask(data_set=f"t{seed}"))
        made.append(train_esm(task, wide, FineTuneRecipe(epochs=1), progress=False))
    return made


@pytest.fixture(name="space")
def _space(client, trained, unique, tmp_path):
    for number, artifact in enumerate(trained):
        folder = artifact.write(tmp_path / "trained" / f"w{number}")
        client.push(folder, f"{unique}/w{number}", space=unique)
    return unique


def scores(ranking):
    return {row.reference: row.score for row in ranking}


def test_here_and_there(client, space, model, task, wide, tmp_path):
    asked = {"client": client, "base_model": [str(model)], "progress": False}
    there = rank(task, space=space, uncertainty=True, **asked)
    assert there.space_verified
    assert len(there) == 2
    assert there.best.standard_error is not None
    client.packs.pull(space, tmp_path / "pulled")
    here = rank(task, pulled=tmp_path / "pulled", **asked)
    assert scores(here) == pytest.approx(scores(there), abs=1e-9)
    ready = wide.embed(task.texts), task.labels
    arrays = rank(ready, space=space, client=client, progress=False)
    assert scores(arrays) == pytest.approx(scores(there), abs=1e-9)


def test_embeddings_without_the_views(client, space, model, task, tmp_path):
    plain = Embedder(model, device="cpu", views=None).embed(task.texts), task.labels
    client.packs.pull(space, tmp_path / "pulled")
    for where in ({"space": space, "client": client}, {"pulled": tmp_path / "pulled"}):
        with pytest.raises(DimensionMismatch, match="views|behind"):
            rank(plain, **where)


def test_which_views_an_embedder_gives_is_the_space_to_say(client, space, model, task, wide):
    asked = {"space": space, "client": client, "progress": False}
    wanted = scores(rank(task, base_model=[wide], **asked))
    for views in (None, SpaceViews(layer=1, count=3)):
        embedder = Embedder(model, device="cpu", views=views)
        assert scores(rank(task, base_model=[embedder], **asked)) == wanted
        assert embedder.identity.views == views


def test_a_base_model_without_the_layer_is_another(client, space, task, tmp_path):
    shallow = write_tiny_bert(tmp_path / "shallow", layers=1)
    with pytest.raises(SpaceMismatch, match="canary"):
        rank(task, space=space, client=client, base_model=[shallow], progress=False)
