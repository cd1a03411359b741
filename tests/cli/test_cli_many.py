"""Many ESMs at once, without a server, in several spaces, and neighbours."""

import json
import shutil

import numpy as np
import pytest
from support.base_models import BOTH as BOTH_MODELS


@pytest.fixture(name="folder")
def _folder(esm_directory, tmp_path):
    for seed in range(3):
        esm_directory(f"many/e{seed}", seed=seed, dimension=16)
    return tmp_path / "many"


@pytest.fixture(name="target")
def _target(tmp_path):
    x = np.random.default_rng(2).standard_normal((90, 16)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", (x[:, 0] > 0).astype(int))
    return "--embeddings", tmp_path / "x.npy", "--labels", tmp_path / "y.npy"


def test_pushed_pulled_and_ranked_without_a_server(esm, done, folder, namespace, target, tmp_path):
    (folder / "broken").mkdir()
    (folder / "broken" / "model.safetensors").write_bytes(b"no map")
    pushed = esm("push-all", folder, namespace, "--space", namespace)
    assert pushed.stdout == "3 ESMs published, 0 there already, 1 refused\n"
    assert pushed.returncode == 1
    assert pushed.stderr.splitlines()[-2].startswith("error: broken: ")
    shutil.rmtree(folder / "broken")
    again = json.loads(done("push-all", folder, namespace, "--space", namespace, "--json"))
    assert [r["is_new"] for r in again] == [False] * 3

    pulled = done("spaces", "pull", namespace, tmp_path / "pack")
    assert pulled == f"3 ESMs of {namespace} are in {tmp_path / 'pack'}: 3 new.\n"
    there = json.loads(done("rank", *target, "--space", namespace, "--json"))
    gone = {"ESM_REGISTRY_URL": "http://127.0.0.1:9"}
    here = esm("rank", *target, "--pack", tmp_path / "pack", "--json", env=gone)
    assert here.returncode == 0, here.stderr
    assert "Nothing is sent." in here.stderr
    rows = json.loads(here.stdout)["rows"]
    assert [row["reference"] for row in rows] == [row["reference"] for row in there["rows"]]


def test_a_later_pull_says_what_changed(done, folder, esm_directory, namespace):
    done("push-all", folder, namespace, "--space", namespace)
    done("spaces", "pull", namespace, "pack")
    same = done("spaces", "pull", namespace, "pack")
    assert same == f"3 ESMs of {namespace} are in pack: nothing changed.\n"
    esm_directory("many/e3", seed=3, dimension=16)
    done("push-all", folder, namespace, "--space", namespace)
    done("yank", f"{namespace}/e0@1", "--reason", "wrong data")
    document = json.loads(done("spaces", "pull", namespace, "pack", "--json"))
    assert (document["new"], document["gone"]) == ([f"{namespace}/e3@1"], [f"{namespace}/e0@1"])
    assert document["space"]["name"] == namespace
    assert "canaries" not in document["space"]


def test_options_of_a_ranking_without_a_server(done, esm, folder, namespace, target, tmp_path):
    done("push-all", folder, namespace, "--space", namespace)
    done("spaces", "pull", namespace, tmp_path / "pack")
    options = ("--exclude", f"{namespace}/e1", "--uncertainty", "--mode", "exhaustive")
    found = esm("rank", *target, "--pack", tmp_path / "pack", *options)
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert "±" in lines[3]
    assert f"{namespace}/e0@1" in found.stdout
    assert f"{namespace}/e1@1" not in found.stdout
    assert "copies of it would not be noticed" in found.stdout
    none = esm("rank", *target, "--pack", tmp_path / "pack", "--language", "xx")
    assert none.returncode == 1
    assert "passes the filter" in none.stderr


def test_what_the_server_has_lost_is_told(
    registry, esm, done, folder, esm_directory, namespace, tmp_path
):
    esm_directory("many/gone", seed=77_003)
    done("push-all", folder, namespace, "--space", namespace)
    shown = json.loads(done("show", f"{namespace}/gone", "--json"))
    digest = shown["manifest"]["files"]["model.safetensors"]["sha256"]
    registry.store.remove(digest)
    pulled = esm("spaces", "pull", namespace, tmp_path / "pack")
    assert pulled.returncode == 0
    assert pulled.stdout.startswith("3 ESMs of")
    assert "warning: 1 ESM could not be pulled" in pulled.stderr
    assert f"{namespace}/gone@1" in pulled.stderr


def test_uncertainty_is_shown(done, esm, folder, namespace, target):
    done("push-all", folder, namespace, "--space", namespace)
    found = esm("rank", *target, "--space", namespace, "--uncertainty")
    assert found.returncode == 0, found.stderr
    assert "Only its sketch and those of ten folds are sent." in found.stderr
    first = found.stdout.splitlines()[3]
    assert "±" in first
    assert "(" in first.split("/")[0]


def test_neighbours_of_an_esm(done, esm, folder, namespace):
    done("push-all", folder, namespace, "--space", namespace)
    rows = json.loads(done("similar", f"{namespace}/e0", "--json"))
    assert {row["reference"] for row in rows} == {f"{namespace}/e1@1", f"{namespace}/e2@1"}
    assert done("similar", f"{namespace}/e0", "--limit", "1").splitlines()[0].split() == [
        "reference",
        "task",
        "near",
        "by",
        "cosine",
    ]
    unknown = esm("similar", f"{namespace}/nothing")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("error: There is no ESM named")


@pytest.mark.parametrize("base_model", BOTH_MODELS, indirect=True)
def test_neighbours_of_texts(done, esm, base_model, namespace, tmp_path):
    """In a space that is made from the base model."""
    model = base_model
    done("spaces", "create", namespace, "--base-model", model)
    (tmp_path / "texts.txt").write_text("A warm room with a view.\n\nBreakfast was cold.\n")
    options = ("--space", namespace, "--base-model", model)
    found = esm("similar", "--texts", tmp_path / "texts.txt", *options, "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == []
    (tmp_path / "rows.csv").write_text("title,body\na,b\nc,d\n")
    unclear = esm("similar", "--texts", tmp_path / "rows.csv", *options)
    assert unclear.returncode == 1
    assert "it has: title, body." in unclear.stderr
    (tmp_path / "alone.csv").write_text("text\nA warm room.\nBreakfast was cold.\n")
    alone = esm("similar", "--texts", tmp_path / "alone.csv", *options)
    assert alone.returncode == 0, alone.stderr
    named = esm("similar", "--texts", tmp_path / "rows.csv", "--text-column", "body", *options)
    assert named.returncode == 0, named.stderr
    (tmp_path / "empty.txt").write_text("\n")
    empty = esm("similar", "--texts", tmp_path / "empty.txt", *options)
    assert "holds no texts" in empty.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rank", "x.csv"), "Give --space, or --pack"),
        (("rank", "x.csv", "--space", "a", "--pack", "b"), "Give --space, or --pack"),
        (("rank", "x.csv", "--space", "a", "--space", "b", "--base-model", "m"), "for every space"),
        (
            ("rank", "--embeddings", "x", "--labels", "y", "--space", "a", "--space", "b"),
            "Embeddings are of one space",
        ),
        (("rank", "x.csv", "--pack", "b", "--mode", "prefiltered"), "--mode prefiltered is"),
        (("rank", "x.csv", "--pack", "b", "--send-embeddings"), "With --pack nothing is sent"),
        (("similar",), "Give REFERENCE, or --texts"),
        (("similar", "a/b", "--texts", "x", "--space", "s"), "Give REFERENCE, or --texts"),
    ],
)
def test_wrong_command_lines(esm, words, said):
    result = esm(*words)
    assert result.returncode == 2
    assert said in result.stderr


def test_a_folder_that_holds_no_space(esm, target, tmp_path):
    result = esm("rank", *target, "--pack", tmp_path)
    assert result.returncode == 1
    assert "holds no pulled space" in result.stderr
    assert "esm-client spaces pull" in result.stderr
