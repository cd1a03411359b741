"""ESMs that also read an inner layer, from the command line: trained, pushed and ranked."""

import json

import pytest
from docs.demo.tasks.write import write_tasks

COLUMNS = ("--text-column", "text", "--label-column", "label", "--limit-rows", "60")


@pytest.fixture(name="tasks", scope="module")
def _tasks(tmp_path_factory):
    return write_tasks(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(name="question")
def _question(base_model, tasks):
    return {
        "source": (tasks["hotel_reviews_sentiment"], *COLUMNS, "--base-model", base_model),
        "target": (tasks["restaurant_reviews_sentiment"], *COLUMNS, "--base-model", base_model),
    }


@pytest.fixture(name="probe")
def _probe(tmp_path):
    path = tmp_path / "probes.txt"
    path.write_text("A shop of bolts.\nWho?\tNobody.\n")
    return path


def test_from_texts_to_a_ranking(done, question, probe, namespace):
    wide = ("--inner-layer", "1", "--epochs", "1")
    ways = {"own": (), "texts": ("--probe", probe), "bare": ("--probes-only",)}
    for name, options in ways.items():
        said = done("train", *question["source"], *wide, *options, "--output", name, "--json")
        probes = json.loads(said)["fit"]["probes"]
        assert probes["texts"] == (2 if name == "texts" else 0)
        assert probes["own_rows"] == (name != "bare")
        done("push", name, f"{namespace}/{name}", "--space", namespace, "--force")
    receipt = json.loads(done("rank", *question["target"], "--space", namespace, "--json"))
    assert len(receipt["rows"]) == 3
    assert receipt["space_verified"] is True
    shown = json.loads(done("show", f"{namespace}/bare", "--json"))
    assert shown["fit"]["probes"]["own_rows"] is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--inner-layer", "0", "--probes-only"),
            "Only maps that read an inner layer are fitted to probe rows.",
        ),
        (("--inner-layer", "99"), "There is no inner layer 99"),
        (("--inner-layer", "1", "--probe", "missing.txt"), "missing.txt cannot be read"),
        (("--inner-layer", "1", "--probe", "empty.txt"), "empty.txt holds 0 texts"),
    ],
    ids=["no inner layer", "not its layer", "missing", "empty"],
)
def test_what_cannot_be_is_told_before_any_training(fails, question, tmp_path, options, message):
    (tmp_path / "empty.txt").write_text("\n")
    said, hint = fails("train", *question["source"], *options, "--output", "out")
    assert message in said
    assert hint
    assert not (tmp_path / "out").exists()


def test_a_registry_is_moved(done, question, namespace):
    """As docs/factory.md says."""
    source, target = question["source"], question["target"]
    data, model = source[0], ("--base-model", source[-1], "--base-model-name", f"org/{namespace}")
    old, new = f"{namespace}-old", f"{namespace}-new"
    narrow = (*COLUMNS, *model, "--epochs", "1", "--inner-layer", "0", "--keep-model", "model")
    done("train", data, *narrow, "--output", "narrow")
    done(
        "push",
        "narrow",
        f"{namespace}/reviews",
        "--space",
        old,
        "--source-model",
        "model",
        "--force",
    )
    before = json.loads(done("rank", *target, "--space", old, "--json"))

    done("spaces", "create", new, *model, "--replaces", old)
    assert json.loads(done("spaces", "show", old, "--json"))["not_in_successor"] == [
        f"{namespace}/reviews"
    ]
    done("pull", f"{namespace}/reviews@1", "kept", "--source-model")
    done("train", data, *COLUMNS, *model, "--source-model", "kept", "--output", "wide")
    done("push", "wide", f"{namespace}/reviews-2", "--space", new, "--force")
    assert json.loads(done("spaces", "show", old, "--json"))["not_in_successor"] == []
    done("push", "narrow", f"{namespace}/as-it-is", "--space", new, "--force")

    after = json.loads(done("rank", *target, "--space", new, "--json"))
    assert {row["reference"] for row in after["rows"]} == {
        f"{namespace}/reviews-2@1", f"{namespace}/as-it-is@1",
    }  # fmt: skip
    scores = {row["reference"]: row["score"] for row in after["rows"]}
    assert scores[f"{namespace}/as-it-is@1"] == pytest.approx(before["rows"][0]["score"], abs=1e-8)
    again = json.loads(done("rank", *target, "--space", old, "--json"))
    assert again["rows"] == before["rows"]
