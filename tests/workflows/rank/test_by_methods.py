"""`esm_client.rank` and `rank_by_methods` by other methods than the ordinary one."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from esm_client import (
    Client,
    MethodRanking,
    rank,
    rank_by_methods,
)
from esm_client.core.errors import EsmError
from esm_client.core.progress import silent, unheard
from esm_client.core.schemas import EsmFilter
from esm_client.core.warnings import EsmWarning
from esm_client.ranking.cautions import NOT_COMPARED
from esm_client.ranking.local.space import LocalSpace
from esm_client.ranking.source_pool import SourcePool
from esm_client.workflows.source_models import stored_folders


def references(ranking):
    return [row.reference for row in ranking]


def test_by_methods(client, embedded, embedder, task, tmp_path):
    asked = {"base_model": embedder, "client": client, "methods": ["esm-logme", "size"]}
    notes = []
    found = rank(task, space=embedded, on_note=notes.append, **asked)
    assert isinstance(found, MethodRanking)
    assert notes == ["Target: classification, 40 rows. Nothing of it is sent."]
    client.packs.pull(embedded, tmp_path / "pulled")
    offline = rank(task, pulled=tmp_path / "pulled", **asked)
    named = rank_by_methods(task, embedded, embedder, ["esm-logme", "size"], client=client)
    folder = rank_by_methods(task, tmp_path / "pulled", embedder, ["esm-logme", "size"])
    assert references(found) == references(offline) == references(named) == references(folder)
    ordinary = rank(task, space=embedded, base_model=embedder, client=client)
    scores = {row.reference: row.by_method["esm-logme"].score for row in found}
    assert scores == pytest.approx({row.reference: row.score for row in ordinary}, abs=2e-5)


def test_one_method_is_no_list_of_letters(client, embedded, embedder, task):
    asked = {"space": embedded, "base_model": embedder, "client": client}
    assert rank(task, **asked, methods="size").methods == ("size",)
    found = rank_by_methods(task, embedded, embedder, "size", client=client)
    assert found.methods == ("size",)


def test_folders_of_source_models_in_the_home(
    client, embedded, embedder, task, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    models = {f"{embedded}/e0": "~/gone"}
    for given in (models, {name: Path(place) for name, place in models.items()}):
        with pytest.raises(EsmError, match=str(tmp_path / "gone")):
            rank_by_methods(task, embedded, embedder, "logme", client=client, source_models=given)


def test_source_models_of_earlier_runs_are_in_the_cache_of_the_client(
    client, embedded, task, tmp_path
):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "bert"}')
    save_file({"weights": np.zeros(1, np.float32)}, model / "model.safetensors")
    client.push_source_model(f"{embedded}/e0", model)
    folder, cache = tmp_path / "pulled", tmp_path / "own"
    client.packs.pull(embedded, folder)
    pool = SourcePool.of(LocalSpace(folder), task.rows, EsmFilter(), keep_copies=False)
    asked = (pool, ["logme"], (), silent, unheard)
    with Client(client.url, cache_dir=cache) as here:
        (found,) = stored_folders(here, *asked).values()
    with Client("http://127.0.0.1:9", timeout=2, cache_dir=cache) as gone:
        with pytest.warns(EsmWarning, match="no source model could be pulled"):
            assert stored_folders(gone, *asked) == {f"{embedded}/e0@1": found}


def test_source_models_that_cannot_be_asked_for(client, embedded, embedder, task, tmp_path):
    client.packs.pull(embedded, tmp_path / "pulled")
    with Client("http://127.0.0.1:9", timeout=2) as gone:
        with pytest.warns(EsmWarning, match="no source model could be pulled"):
            found = rank(
                task, pulled=tmp_path / "pulled", base_model=embedder, client=gone,
                methods=["size", "logme"],
            )  # fmt: skip
    assert found.methods == ("size",)


def test_what_nobody_can_tell_is_said_before_the_best(client, embedded, embedder, task):
    found = rank_by_methods(task, embedded, embedder, "size", client=client)
    assert (found.shield.state, found.shield.num_unknown) == ("known", 3)
    assert found.cautions == [NOT_COMPARED]
    for shown in (repr(found), found._repr_html_()):
        assert shown.index(NOT_COMPARED) < shown.index(found.best.reference)
    assert found.to_pandas()["share"].isna().all()
