"""`rank --method` as users meet it: columns, agreement and fusion against computations by hand."""

import json

import pytest
from cli.ranked_world import TARGET, direct_scores, ranks, spearman

from esm_client import log_maximum_evidence
from esm_client.core.quantities import size as shown_size
from esm_client.lab.selection.ranking import METHODS
from esm_client.lab.selection.source_model import SourceModel
from esm_client.remote.config.base_models import base_models_file

pytestmark = pytest.mark.xdist_group("ranked")

COLUMNS = ("--text-column", "text", "--label-column", "label")


@pytest.fixture(name="question")
def _question(world):
    """The target and the base model; the space is still to be named."""
    return ("rank", world.target, *COLUMNS, "--base-model", world.base_model)


def methods(*names):
    return [word for name in names for word in ("--method", name)]


def column(document, method, what="score"):
    return {
        row["reference"]: row["by_method"][method][what]
        for row in document["rows"]
        if row["by_method"][method][what] is not None
    }


def test_columns_agreement_and_fusion(esm, world, question):
    names = ("esm-logme", "text-embedding", "vocabulary")
    asked = (*question, "--space", world.space, *methods(*names))
    result = esm(*asked, "--json")
    assert result.returncode == 0, result.stderr
    assert "Target: classification, 40 rows. Nothing of it is sent." in result.stderr
    document = json.loads(result.stdout)
    expected = direct_scores(world)
    places = {method: ranks(expected[method]) for method in names}
    for method in names:
        found = column(document, method)
        assert found == pytest.approx(world.references(expected[method]), abs=2e-5)
        assert column(document, method, "rank") == world.references(places[method])
    # the two others rank three of the four sources
    assert document["fused_methods"] == ["esm-logme"]
    order = sorted(places["esm-logme"], key=places["esm-logme"].__getitem__)
    assert [row["reference"] for row in document["rows"]] == [*map(world.reference, order)]
    for found in document["agreement"]:
        one, other = (places[method] for method in found["methods"])
        assert found["num_sources"] == 3
        assert found["spearman"] == pytest.approx(spearman(one, other))
    reasons = column(document, "vocabulary", "reason")
    assert reasons[world.reference("question_type")] == "vocabulary needs its vocabulary."
    costs = document["methods"][1]
    assert (costs["num_ranked"], costs["num_bytes"]) == (
        3,
        3 * world.embedder.identity.dimension * 4,
    )
    assert costs["seconds"] > 0
    # what was pulled once lies in the cache
    again = esm(*asked, "-q", "--top", "3", "--offline")
    assert again.stdout.split() == [world.reference(name) for name in order[:3]], again.stderr


def test_methods_that_rank_all_sources_are_fused(done, world, question):
    names = ("esm-logme", "text-embedding", "vocabulary")
    asked = (*question, "--pack", world.pack, *methods(*names), "--json")
    document = json.loads(done(*asked, "--exclude", world.reference("question_type")[:-2]))
    fused = {}
    for scores in direct_scores(world).values():
        ranked = ranks({name: one for name, one in scores.items() if name != "question_type"})
        for name, place in ranked.items():
            fused[name] = fused.get(name, 0) + 1 / (60 + place)
    order = sorted(fused, key=lambda name: -fused[name])
    assert set(document["fused_methods"]) == set(names)
    assert [row["fused"] for row in document["rows"]] == pytest.approx(
        [fused[name] for name in order]
    )
    assert [row["reference"] for row in document["rows"]] == [*map(world.reference, order)]


def test_what_is_printed(done, world, question):
    named = methods("text-embedding", "size", "random")
    printed = done(*question, "--pack", world.pack, *named, "--scores", "--top", "2")
    lines = printed.splitlines()
    assert lines[0] == f"4 ESMs of {world.space} for 40 rows (classification), by 3 methods"
    assert lines[1].split() == ["reference", "task", "text-embedding", "size", "random", "fused"]
    assert "2.5 (40)" in lines[2]
    assert lines[4] == "… and 2 more without --top"
    assert lines[5] == (
        "fused: rank by the sum of 1/(60 + rank) over size, random; equal ones share one. "
        "Left out, for ranking fewer sources: text-embedding."
    )
    assert lines[6] == (
        "agreement of text-embedding and size: undefined (Spearman's correlation over 3 sources)"
    )
    assert lines[9] == (
        "not ranked: by text-embedding 1 of 4 sources "
        "(text-embedding needs the mean embedding of its texts)"
    )
    assert lines[-1].startswith(f"Go on with: esm-client pull {world.space}/")


def test_all_of_a_pulled_space_while_the_registry_is_gone(esm, world, question):
    gone = {"ESM_REGISTRY_URL": "http://127.0.0.1:9", "ESM_REGISTRY_TIMEOUT": "2"}
    asked = (*question, "--pack", world.pack, *methods("all", "leep"))
    result = esm(*asked, "--exclude", f"{world.space}/same_meaning", env=gone)
    assert result.returncode == 0, result.stderr
    assert "warning: no source model could be pulled: " in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("3 ESMs of ")
    assert lines[0].endswith("by 7 methods")
    assert lines[1].split()[2:] == [
        "esm-logme", "text-embedding", "vocabulary", "esm-h-score", "esm-knn", "size", "fused",
    ]  # fmt: skip
    (means,) = [line for line in lines if line.startswith("mean agreement")]
    assert all(f"{name} " in means for name in ("esm-logme", "text-embedding", "esm-knn"))
    assert means.endswith("size undefined")
    assert any("by leep 3 of 3 sources (leep needs its source model" in line for line in lines)


def test_stored_and_named_source_models(esm, world, question):
    named = f"{world.space}/same_meaning={world.model('same_meaning')}"
    asked = (*question, "--space", world.space, *methods("logme", "nce"), "--source-model", named)
    first = esm(*asked, "--json")
    assert first.returncode == 0, first.stderr
    size = sum(f.stat().st_size for f in world.model("hotel_reviews_sentiment").iterdir())
    (pulled,) = [line for line in first.stderr.splitlines() if "Pulling" in line]
    assert pulled.startswith(f"Pulling 1 source model, {shown_size(size)}, into the cache ")
    document = json.loads(first.stdout)
    expected = {}
    for name in ("hotel_reviews_sentiment", "same_meaning"):
        model = SourceModel.load(world.model(name), world.embedder)
        features = model.encoder.embed(world.tasks[TARGET].texts)
        labels = world.tasks[TARGET].labels
        expected[name] = log_maximum_evidence(features, labels, kind="classification")
    assert column(document, "logme") == pytest.approx(world.references(expected), abs=1e-4)
    assert set(column(document, "nce")) == set(world.references(expected))
    reasons = column(document, "logme", "reason")
    assert reasons[world.reference("question_type")] == "logme needs its source model."
    second = esm(*asked)
    assert second.returncode == 0, second.stderr
    assert "Pulling" not in second.stderr
    assert "not ranked: by logme 2 of 4 sources" in second.stdout
    assert "fused: rank by the sum of 1/(60 + rank) over the methods;" in second.stdout
    third = esm(*asked, *methods("esm-logme"), "--json", "--top", "2")
    document = json.loads(third.stdout)
    assert document["fused_methods"] == ["esm-logme"]
    order = sorted(direct_scores(world)["esm-logme"].items(), key=lambda pair: -pair[1])
    assert [row["reference"] for row in document["rows"]] == [
        world.reference(name) for name, _ in order[:2]
    ]


def test_question_answering(done, fails, world, tmp_path):
    rows = []
    for number in range(30):
        place = ("the reeds", "an old barn")[number % 2]
        context = f"The owl number {number} lives in {place}."
        answer = {"text": [place], "answer_start": [context.index(place)]}
        rows.append({"question": "Where is it?", "context": context, "answers": answer})
    birds = tmp_path / "birds.jsonl"
    birds.write_text("\n".join(map(json.dumps, rows)))
    question = ("rank", birds, "--base-model", world.base_model, "--pack", world.pack)
    message, hint = fails(*question)
    assert message == (
        "birds is a question-answering data set, for which sources cannot be ranked by its labels."
    )
    assert hint.endswith(f"esm-client rank {birds} --pack {world.pack} --method all")
    printed = done("rank", birds, *hint.split()[-4:], "--base-model", world.base_model)
    assert printed.splitlines()[0].endswith("30 rows (question-answering), by 3 methods")
    message, hint = fails(*question, "--method", "esm-knn")
    assert message == "esm-knn cannot rank sources for question-answering."
    assert hint == "Use one of text-embedding, task-embedding, vocabulary, size, random."


def test_esm_logme_alone_is_the_ordinary_ranking(done, pushed, arrays):
    files = ("rank", "--embeddings", arrays[0], "--labels", arrays[1])
    question = (*files, "--space", pushed.partition("/")[0], "--json")
    plain, named = (json.loads(done(*question, *more)) for more in ((), methods("esm-logme")))
    assert named["rows"] == plain["rows"]
    assert named["identity_score"] == plain["identity_score"]


def test_help_names_every_method(done):
    told = "".join(done("rank", "--help").split())
    assert [name for name in METHODS if name not in told] == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--method", "nothing"), 1, "'nothing' is no selection method."),
        (("--method", "size", "--uncertainty"), 2, "--uncertainty is of the ranking by esm-logme"),
        (("--method", "size", "--no-intercept"), 2, "--no-intercept is of the ranking by"),
        (("--method", "size", "--mode", "screened"), 2, "--mode screened is of the ranking by"),
        (("--method", "size", "--space", "b"), 2, "compares within one space only"),
        (("--scores",), 2, "--scores shows those of --method"),
        (("--source-model", "a/b=c"), 2, "--source-model is for methods that use source models"),
        (("--method", "logme", "--source-model", "a/b"), 2, "takes REFERENCE=FOLDER, not 'a/b'"),
        (("--method", "task-embedding"), 1, "task-embedding needs the source models with"),
        (("--method", "nce", "--kind", "regression"), 1, "nce cannot rank sources for regression"),
    ],
)
def test_one_sentence_for_what_does_not_fit(fails, tmp_path, words, code, said):
    (tmp_path / "x.csv").write_text("text,label\n" + "one thing,1\nanother thing,2\n" * 10)
    message, hint = fails("rank", "x.csv", *COLUMNS, "--space", "a", *words, code=code)
    assert said in message
    assert hint


def test_ready_embeddings_have_no_texts(fails, arrays):
    files = ("--embeddings", arrays[0], "--labels", arrays[1], "--space", "a")
    message, _ = fails("rank", *files, "--method", "size", code=2)
    assert "--method reads texts; give DATA instead of --embeddings." in message
    message, _ = fails("rank", *files, "--kind", "sequence-labelling", code=2)
    assert "--kind sequence-labelling is of texts; give DATA." in message


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--source-model", "team/other=FOLDER", "team/other is none of the 4 sources of"),
        ("--source-model", "SPACE/same_meaning@7=FOLDER", "is none of the 4 sources"),
        ("--source-model", "SPACE/same_meaning=nowhere", "nowhere is not a directory."),
        ("--language", "xx", "passes the filter"),
    ],
)
def test_sources_that_are_none(fails, world, question, option, value, said):
    value = value.replace("SPACE", world.space).replace("FOLDER", str(world.home))
    message, _ = fails(*question, "--pack", world.pack, "--method", "logme", option, value)
    assert said in message


def test_what_caused_an_error_is_shown_to_who_asks(esm, pushed, environment, tmp_path):
    known = base_models_file(environment)
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text("no JSON")
    rows = "".join(f"{'warm' if n % 2 else 'cold'} soup number {n},{n % 2}\n" for n in range(40))
    (tmp_path / "mine.csv").write_text(f"text,label\n{rows}")
    space = pushed.partition("/")[0]
    result = esm("rank", "mine.csv", "--space", space, "--debug")
    assert f"error: {known} is damaged." in result.stderr
    assert "ValidationError" in result.stderr
    assert "direct cause" in result.stderr
