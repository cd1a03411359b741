"""`build`, `columns`, `import` and `export` as users meet them."""

import csv
import json
from pathlib import Path

import pytest
from core.artifact.test_artifact_published import write_theirs
from docs.demo.tasks.write import write_tasks
from support.base_models import BOTH as BOTH_MODELS

from esm_client import EsmArtifact

FAST = ("--limit-rows", "60", "--epochs", "1", "--device", "cpu")


@pytest.fixture(name="folder")
def _folder(tmp_path) -> Path:
    """Two tasks, a file that cannot be used, and a plan by being a folder."""
    tasks = write_tasks(tmp_path / "all")
    folder = tmp_path / "tasks"
    folder.mkdir()
    for name in ("news_desk", "question_type"):
        tasks[name].rename(folder / f"{name}.csv")
    (folder / "broken.csv").write_text("text,label\n\xff", encoding="latin-1")
    return folder


class TestBuild:
    @pytest.mark.parametrize("base_model", BOTH_MODELS, indirect=True)
    def test_a_folder_becomes_a_registry_full_of_esms(
        self, esm, done, base_model, folder, namespace, tmp_path
    ):
        model = ("--base-model", base_model, "--base-model-name", f"org/{namespace}")
        first = esm("build", folder, *model, *FAST, "--output", "esms", "--push", namespace)
        assert first.returncode == 1
        lines = first.stdout.splitlines()
        assert lines[0].split()[:5] == ["data", "set", "space", "outcome", "kind"]
        assert "broken.csv is not UTF-8 text" in lines[1]
        assert lines[-2].startswith("3 ESMs: 1 failed, 2 built, in ")
        assert lines[-1] == "broken: Save it as UTF-8."
        assert "2 ESMs to build" in first.stderr
        listed = json.loads(done("list", "--json", "--namespace", namespace))
        assert sorted(row["name"] for row in listed) == ["news_desk", "question_type"]

        (folder / "broken.csv").unlink()
        again = ("build", folder, *model, *FAST, "--output", "esms", "--push", namespace)
        report = json.loads(done(*again, "--json"))
        assert report["counts"] == {"kept": 2}
        assert [row["pushed"] for row in report["esms"]] == [
            f"{namespace}/news_desk@1", f"{namespace}/question_type@1",
        ]  # fmt: skip
        space = json.loads(done("show", f"{namespace}/news_desk", "--json"))["space"]
        assert space.startswith(f"{namespace}-mean-128-layer-")
        card = (tmp_path / "esms" / space / "news_desk" / "README.md").read_text()
        assert "wide-low-rank" in card

    def test_a_dry_run_tells_the_columns(self, esm, base_model, folder):
        told = esm("build", folder, "--base-model", base_model, *FAST, "--output", "esms",
                   "--dry-run")  # fmt: skip
        assert told.returncode == 1
        assert "news_desk: 'text' is the only column of texts." in told.stdout
        assert "1 failed, 2 ready" in told.stdout

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("none.toml", "--base-model", "x"), "none.toml cannot be read"),
            (("tasks",), "The plan names no base model"),
            (("tasks", "--base-model", "x"), "There is no folder 'x'"),
            (("tasks", "--base-model-name", "x"), "--base-model-name names one base model"),
        ],
    )
    def test_wrong_input_is_told_in_two_lines(self, esm, folder, arguments, message):
        told = esm("build", *arguments, "--output", "esms", env={"HF_HUB_OFFLINE": "1"})
        assert told.returncode == 1
        assert message in told.stderr
        assert len(told.stderr.splitlines()) == 2


class TestColumns:
    def test_it_says_what_and_why(self, done, esm, base_model, folder, tmp_path):
        told = done("columns", folder / "news_desk.csv")
        assert "texts    text" in told
        assert "certain  yes" in told
        document = json.loads(done("columns", folder / "news_desk.csv", "--json"))
        assert (document["text_columns"], document["label_column"]) == (["text"], "label")
        unclear = tmp_path / "unclear.csv"
        with unclear.open("w") as file:
            rows = csv.writer(file)
            rows.writerow(["words", "a", "b"])
            rows.writerows([f"some words of row {n}", n % 3, n % 2] for n in range(60))
        told = done("columns", unclear)
        assert "certain  no" in told
        model = ("--base-model", base_model, "--output", "esm")
        refused = esm("train", unclear, *model)
        assert refused.returncode == 1
        assert "Could not determine the text and label columns" in refused.stderr
        assert "--text-column words --label-column a" in refused.stderr


class TestPublished:
    def test_a_cache_is_imported_and_pushed(self, done, esm, namespace, esm_directory, tmp_path):
        esm_directory_path = esm_directory("first", dimension=6)
        done("push", esm_directory_path, f"{namespace}/first", "--space", namespace)
        for name in ("imdb", "news"):
            write_theirs(tmp_path / "hub" / name, task_id=name)
        write_theirs(tmp_path / "hub" / "broken")
        (tmp_path / "hub" / "broken" / "model.safetensors").write_bytes(b"no")
        told = esm("import", "hub", "--output", "esms")
        assert told.returncode == 1
        assert "2 of 3 ESMs taken in" in told.stdout
        assert EsmArtifact.read(tmp_path / "esms" / "imdb").source.location == "imdb"
        alone = esm("import", "hub", "--output", "esms", "--push", namespace)
        assert "--push and --space belong together" in alone.stderr

    def test_export_writes_a_linear_map(self, done, esm, base_model, folder, tmp_path):
        model = ("--base-model", base_model, "--epochs", "1", "--limit-rows", "40")
        done("train", folder / "news_desk.csv", *model, "--output", "esm")
        assert EsmArtifact.read(tmp_path / "esm").config.architecture == "wide-low-rank"
        done("export", "esm", "linear")
        assert EsmArtifact.read(tmp_path / "linear").config.architecture == "linear"
        again = esm("export", "esm", "linear")
        assert "exists already" in again.stderr
