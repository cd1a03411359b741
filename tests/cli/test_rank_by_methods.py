"""Rankings by methods in Python, on the same sources as those of the command line."""

import dataclasses
import shutil

import numpy as np
import pytest
import transformers
from cli.ranked_world import TARGET, WITH_MODEL, direct_scores

from esm_client import EsmFilter, MethodRanking, rank_by_methods
from esm_client.core.errors import InvalidInput, NotFound, SpaceMismatch
from esm_client.core.schemas import SourceTask
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.selection.source_model import SourceModel

pytestmark = pytest.mark.xdist_group("ranked")


@pytest.fixture(name="rank")
def _rank(world):
    """rank(methods, task=..., **options) in the pulled space."""

    def run(methods, task=None, **options):
        return rank_by_methods(
            task or world.tasks[TARGET], world.pack, world.embedder, methods, progress=False,
            **options,
        )  # fmt: skip

    return run


def by_name(ranking, method, what="rank"):
    return {
        row.reference.split("/")[1].split("@")[0]: getattr(row.by_method[method], what)
        for row in ranking
    }


def test_shown_sliced_and_as_a_frame(world, rank):
    found = rank(("esm-logme", "vocabulary", "esm-knn"))
    assert isinstance(found, MethodRanking)
    expected = direct_scores(world)["esm-logme"]
    assert by_name(found, "esm-logme", "score") == pytest.approx(expected, abs=2e-5)
    lines = repr(found).splitlines()
    assert lines[0].endswith("for 40 rows (classification), by 3 methods")
    assert lines[1].split()[-4:] == ["esm-logme", "vocabulary", "esm-knn", "fused"]
    assert sum(line.startswith("agreement of ") for line in lines) == 3
    html = found._repr_html_()
    assert html.count("<tr>") == 5
    assert "→ label" in html
    frame = found.to_pandas()
    assert list(frame["reference"]) == [row.reference for row in found]
    assert frame["vocabulary rank"].isna().sum() == 1
    assert isinstance(found.top(2), MethodRanking)
    assert len(found[:2]) == 2
    assert found.top(2).methods == found.methods == ("esm-logme", "vocabulary", "esm-knn")


def test_one_method_is_its_own_order_and_the_unknown_come_last(rank):
    found = rank(["vocabulary"])
    scores = list(by_name(found, "vocabulary", "score").values())
    assert scores[:3] == sorted(scores[:3], reverse=True)
    assert scores[3] is None
    assert [row.rank for row in found] == [1, 2, 3, None]
    assert "fused" not in repr(found)


def test_copies_are_left_out(world, rank):
    hotels = world.reference("hotel_reviews_sentiment")
    found = rank(["vocabulary", "size"], world.tasks["hotel_reviews_sentiment"])
    assert len(found) == 3
    assert found.subject.pool_size == 4
    assert [esm.reference for esm in found.subject.left_out] == [hotels]
    assert f"Left out: {hotels} holds 100 % of your rows." in repr(found)
    kept = rank(["vocabulary"], world.tasks["hotel_reviews_sentiment"], keep_copies=True)
    assert kept[0].reference == hotels
    assert kept[0].by_method["vocabulary"].score == 1.0
    lines = repr(kept).splitlines()
    assert lines[1].split()[-1] == "shares"
    assert lines[2].endswith("100 %")


def test_filters_hold(world, rank):
    out = EsmFilter(exclude=(f"{world.space}/same_meaning", "weather_severity"))
    found = rank(["size"], filter=out)
    assert set(by_name(found, "size")) == {"hotel_reviews_sentiment", "question_type"}
    assert set(by_name(found, "size").values()) == {1.5}
    with pytest.raises(NotFound, match="passes the filter"):
        rank(["size"], filter=EsmFilter(language=("xx",)))


def test_tags_have_no_classes(rank):
    labels = np.empty(12, dtype=object)
    labels[:] = [("P", "O")] * 12
    texts = ["Anna moved", "Emre stayed"] * 6
    task = TextTask(texts, labels, "sequence-labelling", SourceTask(data_set="moves"))
    assert rank(["all"], task).methods == ("text-embedding", "vocabulary", "size")
    with pytest.raises(InvalidInput, match="esm-logme cannot rank sources for sequence-labelling"):
        rank(["esm-logme"], task)


def test_task_embedding_with_source_rows(world, rank):
    """The target is fine-tuned for it; a source is compared by its own rows."""
    few = slice(0, 8)
    tasks = {
        name: dataclasses.replace(task, texts=task.texts[few], labels=task.labels[few])
        for name, task in world.tasks.items()
    }
    models = {
        f"{world.space}/{name}": SourceModel.load(world.model(name), world.embedder, tasks[name])
        for name in WITH_MODEL
    }
    found = rank(["task-embedding", "size"], tasks[TARGET], source_models=models)
    placed = by_name(found, "task-embedding")
    assert sorted(place for place in placed.values() if place) == [1, 2]
    assert placed["weather_severity"] is placed["question_type"] is None


def test_a_model_of_another_base_stops_nothing(world, rank, tmp_path):
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    world.embedder.encoder.tokenizer.save_pretrained(tmp_path)
    found = rank(["logme", "size"], source_models={f"{world.space}/same_meaning@1": tmp_path})
    assert found.methods == ("size",)
    assert "was not fine-tuned from this base model" in repr(found)


def test_a_damaged_esm_stops_nothing(world, tmp_path):
    shutil.copytree(world.pack, tmp_path / "pack")
    (pack,) = (tmp_path / "pack").glob("*.pack")
    content = (world.home / "esms" / "same_meaning" / "model.safetensors").read_bytes()
    data = pack.read_bytes()
    assert data.count(content) == 1
    pack.write_bytes(data.replace(content, content[:-1] + bytes([content[-1] ^ 1])))
    found = rank_by_methods(
        world.tasks[TARGET], tmp_path / "pack", world.embedder, ["vocabulary", "size"],
        progress=False,
    )  # fmt: skip
    assert by_name(found, "vocabulary")["same_meaning"] is None
    sizes = by_name(found, "size")
    assert sizes == dict.fromkeys(sizes, 2.0) | {"same_meaning": None}
    assert found.fused_methods == ("size",)
    assert found[-1].rank is None
    (reference, problem), *others = found.subject.problems.items()
    assert (reference, others) == (world.reference("same_meaning"), [])
    assert "is damaged: its bytes of sha256:" in problem


def test_what_cannot_be(world, rank):
    with pytest.raises(InvalidInput, match=r"by nce, leep\. nce needs .*\. leep needs "):
        rank(["nce", "leep"])
    names = (f"{world.space}/same_meaning", f"{world.space}/same_meaning@1")
    with pytest.raises(InvalidInput, match="is named twice"):
        rank(["logme"], source_models=dict.fromkeys(names, world.model("same_meaning")))
    other = Embedder.from_model(
        world.embedder.encoder.model, world.embedder.encoder.tokenizer,
        base_model="org/all-minilm", pooling="first-token",
    )  # fmt: skip
    with pytest.raises(SpaceMismatch):
        rank_by_methods(world.tasks[TARGET], world.pack, other, ["size"])
