"""Question answering and sequence labelling, on small data of our own writing."""

import dataclasses
import json

import numpy as np
import pytest
from support.base_models import with_minilm as pytest_generate_tests  # noqa: F401

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import InvalidLabels
from esm_client.lab.data.loading import load_task
from esm_client.lab.embedding import Embedder
from esm_client.lab.training.finetune import fine_tune
from esm_client.lab.training.heads import make_head
from esm_client.lab.training.metrics import tag_score
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.lab.training.train import train_esm

PLACES = ["the reeds", "an old barn", "the harbour", "a hollow tree", "the north tower"]
BIRDS = ["heron", "owl", "gull", "swift", "jackdaw", "wren"]
NAMES = ["Anna", "Bernard", "Chidi", "Dagny", "Emre", "Farida"]
TOWNS = ["New Haven", "Lund", "Porto Alegre", "Kyoto", "Gera"]


@pytest.fixture(scope="module", name="answers")
def _answers(tmp_path_factory):
    """Where does a bird live? The answer stands somewhere in the context."""
    chance, rows = np.random.default_rng(0), []
    for number in range(90):
        bird, place = BIRDS[number % 6], PLACES[chance.integers(5)]
        before = "It rained. " * int(chance.integers(3))
        context = f"{before}The {bird} lives in {place}. It eats fish."
        answer = {"text": [place], "answer_start": [context.index(place)]}
        if number % 10 == 9:
            answer = {"text": [], "answer_start": []}
        rows.append({"question": f"Where does the {bird} live?", "context": context,
                     "answers": answer})  # fmt: skip
    path = tmp_path_factory.mktemp("qa") / "birds.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return load_task(path)


@pytest.fixture(scope="module", name="tagged")
def _tagged(tmp_path_factory):
    """Names of people and towns, in BIO tags."""
    lines = []
    for number in range(90):
        town = TOWNS[number % 5].split()
        lines += [f"{NAMES[number % 6]} B-PER", "moved O", "to O", f"{town[0]} B-LOC"]
        lines += [f"{word} I-LOC" for word in town[1:]]
        lines += ["unexpectedly O" if number % 2 else "yesterday O", ""]
    path = tmp_path_factory.mktemp("tags") / "moves.conll"
    path.write_text("\n".join(lines))
    return load_task(path)


@pytest.fixture(name="recipe")
def _recipe(by_base):
    return by_base(
        tiny=FineTuneRecipe(epochs=8, learning_rate=5e-3, batch_size=8),
        minilm=FineTuneRecipe(epochs=4, learning_rate=5e-4),
    )


@pytest.mark.parametrize(
    ("name", "metric"), [("answers", "F1 of the answer's tokens"), ("tagged", "F1 of spans")]
)
def test_a_source_of_another_class_gives_an_esm(name, metric, embedder, recipe, request, tmp_path):
    task = request.getfixturevalue(name)
    artifact = train_esm(task, embedder, recipe)
    fit = artifact.config.fit
    assert fit.validation_metric_name == metric
    assert fit.validation_metric > 0.7
    assert fit.held_out_mse < fit.identity_mse
    back = EsmArtifact.read(artifact.write(tmp_path / "esm"))
    assert back.config.task.kind == task.kind
    assert back.summary["label_counts"].sum() > 0


def test_the_tokens_of_an_answer_spell_it(answers, embedder):
    encoder = embedder.encoder
    head = make_head(encoder, answers, np.arange(len(answers)))
    assert head.cut_off == 0
    for row in range(len(answers)):
        first, last = head._spans[row].tolist()
        start, end = answers.labels[row]
        if start < 0:
            assert (first, last) == (0, 0)
            continue
        spelled = encoder.tokenizer.decode(head.token_ids(row)[first : last + 1])
        assert spelled.lower() == answers.texts[row][1][start:end].lower()


def test_answers_beyond_the_length_are_passed_over(answers, embedder, model_folder):
    short = Embedder(model_folder, device="cpu", max_length=14).encoder
    head = make_head(short, answers, np.arange(len(answers)))
    assert 0 < head.cut_off < len(answers)
    answered = answers.labels[:, 0] >= 0
    texts = [text for text, keep in zip(answers.texts, answered, strict=True) if keep]
    long = dataclasses.replace(answers, texts=texts, labels=answers.labels[answered])
    encoder = Embedder(model_folder, device="cpu", max_length=8).encoder
    with pytest.raises(InvalidLabels, match="Every answer lies beyond the 8 tokens"):
        make_head(encoder, long, np.arange(len(long)))


def test_each_word_has_the_tag_of_its_first_token(tagged, embedder):
    encoder = embedder.encoder
    head = make_head(encoder, tagged, np.arange(len(tagged)))
    for row in (0, 1, 2, 50):
        tokens = encoder.tokenizer.convert_ids_to_tokens(head.token_ids(row))
        words = tagged.texts[row].lower().split(" ")
        assert len(head._places[row]) == len(words) == len(tagged.labels[row])
        for place, word in zip(head._places[row], words, strict=True):
            assert word.startswith(tokens[place])


def test_texts_that_are_cut_off_lose_their_last_words_only(tagged, model_folder):
    encoder = Embedder(model_folder, device="cpu", max_length=8).encoder
    source = encoder.with_model(encoder.model)
    tuned = fine_tune(source, tagged, FineTuneRecipe(epochs=1), held_out=np.arange(9))
    assert 0 <= tuned.metric <= 1


@pytest.mark.parametrize(
    ("truth", "predicted", "name", "value"),
    [
        (["B-X", "I-X", "O"], ["B-X", "I-X", "O"], "F1 of spans", 1.0),
        (["B-X", "I-X", "O"], ["B-X", "O", "O"], "F1 of spans", 0.0),
        (["B-X", "B-X"], ["B-X", "I-X"], "F1 of spans", 0.0),
        (["I-X", "I-Y"], ["B-X", "B-Y"], "F1 of spans", 1.0),
        (["O", "B-X"], ["O", "O"], "F1 of spans", 0.0),
        (["N", "V"], ["N", "N"], "accuracy of tags", 0.5),
    ],
)
def test_tags_are_scored_by_whole_spans(truth, predicted, name, value):
    assert tag_score([truth], [predicted]) == (name, value)
