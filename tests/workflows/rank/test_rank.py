"""`esm_client.rank`: what the command does, from Python."""

import numpy as np
import pytest

from esm_client import (
    Embedder,
    Ranking,
    TargetSketch,
    TextTask,
    rank,
)
from esm_client.core.errors import InvalidInput, InvalidLabels, NotFound, SpaceMismatch
from esm_client.core.schemas import EsmFilter, SourceTask
from esm_client.core.warnings import EsmWarning


def references(ranking):
    return [row.reference for row in ranking]


class TestReadyEmbeddings:
    def test_as_the_client_ranks_their_sketch(self, client, published, arrays):
        sketch = TargetSketch.from_embeddings(*arrays, kind="classification")
        expected = client.rank(sketch, space=published)
        found = rank(arrays, space=published, client=client, progress=False)
        assert isinstance(found, Ranking)
        assert [(row.reference, row.score) for row in found] == [
            (row.reference, row.score) for row in expected
        ]
        assert not found.space_verified

    def test_lists_and_the_registry_of_the_settings(self, client, published, arrays):
        embeddings, labels = arrays
        lists = embeddings.tolist(), [f"class {label}" for label in labels]
        found = rank(lists, space=published, progress=False)
        assert references(found) == references(rank(arrays, space=published, client=client))

    def test_without_a_registry(self, client, published, arrays, tmp_path, monkeypatch):
        client.packs.pull(published, tmp_path / "pulled")
        there = rank(arrays, space=published, client=client)
        monkeypatch.delenv("ESM_REGISTRY_URL")
        here = rank(arrays, pulled=tmp_path / "pulled")
        assert references(here) == references(there)
        assert not here.is_stored

    def test_options_arrive(self, client, published, arrays):
        asked = {"space": published, "client": client}
        narrow = rank(arrays, **asked, filter=EsmFilter(exclude=(f"{published}/e1",)))
        assert sorted(references(narrow)) == [f"{published}/e0@1", f"{published}/e2@1"]
        assert not rank(arrays, **asked, intercept=False).receipt.intercept
        assert rank(arrays, **asked, uncertainty=True).best.standard_error is not None
        assert rank(arrays, **asked).best.standard_error is None
        assert rank(arrays, **asked, mode="exhaustive").receipt.mode == "exhaustive"
        numbers = arrays[0], np.arange(60) % 4
        assert rank(numbers, **asked).receipt.kind == "classification"
        assert rank(numbers, **asked, kind="regression").receipt.kind == "regression"

    def test_what_is_sent_is_said_before_it_is(self, client, published, arrays, tmp_path):
        def said(**options):
            notes = []
            rank(arrays, client=client, on_note=notes.append, **options)
            (note,) = notes
            assert note.startswith("Target: classification, 60 rows, 2 classes, 16 dimensions. ")
            return note.partition("dimensions. ")[2]

        assert said(space=published) == "Only its sketch is sent."
        assert said(space=published, uncertainty=True).startswith("Only its sketch and those of")
        assert said(space=published, send_embeddings=True).startswith("The embedding and label")
        client.packs.pull(published, tmp_path / "pulled")
        assert said(pulled=tmp_path / "pulled") == "Nothing is sent."

    def test_progress_ends(self, client, published, arrays, tmp_path):
        told = []
        client.packs.pull(published, tmp_path / "pulled")
        for where in ({"space": published}, {"pulled": tmp_path / "pulled"}):
            told.clear()
            rank(arrays, client=client, **where, progress=lambda *step: told.append(step))
            step, done, total = told[-1]
            assert step == f"Ranking in {published}"
            assert done == total > 0

    def test_the_end_of_a_step_is_told_once(self, client, published, arrays):
        told = []
        rank(arrays, client=client, space=published, progress=lambda *step: told.append(step))
        assert sum(done >= total > 0 for _, done, total in told) == 1

    def test_a_list_of_two_arrays(self, client, published, arrays):
        asked = {"space": published, "client": client}
        assert references(rank(list(arrays), **asked)) == references(rank(arrays, **asked))

    def test_settings_are_read_only_for_a_folder_to_be_found(
        self, client, published, arrays, tmp_path, monkeypatch
    ):
        client.packs.pull(published, tmp_path / "pulled")
        monkeypatch.setattr("esm_client.remote.config.settings.resolve_settings", pytest.fail)
        assert len(rank(arrays, pulled=tmp_path / "pulled")) == 3

    def test_a_retired_space_is_warned_of(self, client, published, arrays):
        client.edit_space(published, retired=True)
        with pytest.warns(EsmWarning, match=f"the space {published} is retired"):
            rank(arrays, space=published, client=client)

    def test_what_cannot_be(self, client, published, arrays):
        with pytest.raises(NotFound):
            rank(arrays, space="no-such-space", client=client)
        with pytest.raises(InvalidLabels, match="59 labels do not fit 60 embeddings"):
            rank((arrays[0], arrays[1][:-1]), space=published, client=client)


class TestTask:
    def test_embedded_here_and_verified_there(self, client, embedded, embedder, task):
        asked = {"space": embedded, "client": client, "base_model": embedder}
        found = rank(task, **asked)
        matrix = embedder.embed(task.texts)
        arrays = rank((matrix, task.labels), space=embedded, client=client)
        assert found.space_verified
        assert [row.score for row in found] == pytest.approx([row.score for row in arrays])
        assert found.shield.state == "known"
        assert arrays.shield.state == "off"
        with pytest.raises(SpaceMismatch):
            rank(task, **{**asked, "base_model": other_pooling(embedder)})

    def test_of_a_path(self, client, embedded, embedder, task, tmp_path):
        path = tmp_path / "hotels.csv"
        rows = zip(task.texts, task.labels, strict=True)
        path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
        asked = {"space": embedded, "client": client, "base_model": embedder}
        scores = [row.score for row in rank(task, **asked)]
        for place in (path, str(path)):
            assert [row.score for row in rank(place, **asked)] == pytest.approx(scores)

    def test_without_a_known_base_model(self, client, embedded, task):
        with pytest.raises(InvalidInput, match="no folder on this machine"):
            rank(task, space=embedded, client=client)

    def test_several_spaces(self, client, embedded, embedder, task, esm_directory, unique):
        other = f"{unique}-other"
        client.create_space(other, other_pooling(embedder).fingerprint)
        found = rank(
            task, space=[embedded, other], base_model=[embedder, other_pooling(embedder)],
            client=client,
        )  # fmt: skip
        assert found.receipt.space == f"{embedded} + {other}"
        assert {row.space for row in found} == {embedded}

    def test_both_kinds_are_shown_alike(self, client, embedded, embedder, task):
        asked = {"space": embedded, "base_model": embedder, "client": client}
        for found in (rank(task, **asked), rank(task, **asked, methods=["size"])):
            assert repr(found).startswith(found.heading)
            assert found._repr_html_().count("<tr>") == 4
            assert found.best is found[0]
            assert references(found.top(2)) == references(found)[:2]
            assert type(found.top(2)) is type(found)
            assert list(found.to_pandas()["reference"]) == references(found)

    def test_labels_of_no_use(self, client, task):
        labels = np.empty(4, dtype=object)
        labels[:] = [("P", "O")] * 4
        tags = TextTask(["a b"] * 4, labels, "sequence-labelling", SourceTask(data_set="names"))
        with pytest.raises(InvalidInput, match="cannot be ranked by its labels") as caught:
            rank(tags, space="any", client=client)
        assert caught.value.parameters == ("methods",)


@pytest.mark.parametrize(
    ("given", "parameters"),
    [
        ({}, ("space", "pulled")),
        ({"space": "a", "pulled": "b"}, ("space", "pulled")),
        ({"space": ["a", "a"]}, ("space",)),
        ({"space": ["a", "b"]}, ("space",)),
        ({"space": "a", "base_model": ["b", "c"]}, ("base_model",)),
        ({"space": "a", "kind": "sequence-labelling"}, ("kind",)),
        ({"space": "a", "source_models": {"b/c": "d"}}, ("source_models", "methods")),
        ({"space": "a", "methods": ["size"]}, ("methods",)),
        ({"pulled": "a", "mode": "screened"}, ("mode", "pulled")),
        ({"pulled": "a", "send_embeddings": True}, ("send_embeddings", "pulled")),
    ],
)
def test_arguments_that_do_not_go_together(arrays, given, parameters):
    with pytest.raises(InvalidInput) as caught:
        rank(arrays, **given)
    assert caught.value.parameters == parameters


@pytest.mark.parametrize(
    ("given", "parameters"),
    [
        ({"space": ["a", "b"]}, ("methods", "space")),
        ({"space": "a", "uncertainty": True}, ("uncertainty", "methods")),
        ({"space": "a", "send_embeddings": True}, ("send_embeddings", "methods")),
        ({"space": "a", "intercept": False}, ("intercept", "methods")),
        ({"space": "a", "mode": "screened"}, ("mode", "methods")),
    ],
)
def test_what_other_methods_do_not_know(task, given, parameters):
    with pytest.raises(InvalidInput) as caught:
        rank(task, methods=["size"], **given)
    assert caught.value.parameters == parameters


@pytest.mark.parametrize(
    ("target", "called"), [(5, "a int"), ([1, 2, 3], "a list of 3"), ((), "a tuple of 0")]
)
def test_what_is_no_target(target, called):
    with pytest.raises(InvalidInput, match=f"^`target` cannot be {called}[.]") as caught:
        rank(target, space="any")
    assert "load_task" in caught.value.hint


def other_pooling(embedder):
    return Embedder.from_model(
        embedder.encoder.model, embedder.encoder.tokenizer,
        base_model="test-org/random", pooling="first-token",
    )  # fmt: skip
