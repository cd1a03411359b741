"""`rank` with ready embeddings: the base install alone."""

import json

import numpy as np
import pytest

from esm_client import Client, TargetSketch


@pytest.fixture(name="pool")
def _pool(registry, esm_directory, namespace):
    with Client(registry.url, registry.write_token) as client:
        for seed in range(3):
            source = esm_directory(f"e{seed}", seed=seed)
            client.push(source, f"{namespace}/e{seed}", space=namespace)
    return namespace


@pytest.fixture(name="rank")
def _rank(esm, arrays, pool):
    """rank(*more): rank the arrays in the pool's space."""

    def run(*more, embeddings=arrays[0], labels=arrays[1]):
        return esm("rank", "--embeddings", embeddings, "--labels", labels, "--space", pool, *more)

    return run


class TestPrinted:
    def test_table(self, rank, pool):
        result = rank()
        assert result.returncode == 0, result.stderr
        lines = result.stdout.splitlines()
        assert lines[0].startswith("Ranking ")
        assert lines[0].endswith(f"3 ESMs of {pool} for 200 rows, 2 classes, space unverified")
        assert lines[1].startswith("Whether these sources hold copies of your data is not known")
        assert lines[2].split() == [
            "rank",
            "reference",
            "task",
            "score",
            "gain",
            "log",
            "BF",
            "tie",
        ]
        assert [line.split()[0] for line in lines[3:6]] == ["1", "2", "3"]
        assert "≈: within 30 of it, too close to tell apart." in lines[6]
        best = lines[3].split()[1]
        assert lines[-2] == f"Go on with: esm-client pull {best}"
        identifier = lines[0].split()[1].rstrip(":")
        assert lines[-1] == (
            f"Or try the best of it: esm-client transfer DATA --ranking {identifier} "
            "--output FOLDER"
        )
        notes = result.stderr.splitlines()
        assert notes[0] == (
            "Target: classification, 200 rows, 2 classes, 16 dimensions. Only its sketch is sent."
        )
        assert notes[1].startswith("warning: nobody could verify that these embeddings are of")

    def test_top(self, rank):
        lines = rank("--top", "1").stdout.splitlines()
        assert lines[3].split()[0] == "1"
        assert lines[4] == "… and 2 more without --top"

    def test_json_holds_everything(self, rank, arrays, done):
        receipt = json.loads(rank("--json").stdout)
        assert len(receipt["rows"]) == 3
        sketch = TargetSketch.from_embeddings(
            np.load(arrays[0]), np.load(arrays[1]), kind="classification"
        )
        identity = sketch.identity_log_maximum_evidence()
        assert receipt["identity_score"] == pytest.approx(identity, abs=1e-8)
        again = json.loads(done("ranking", receipt["id"], "--json"))
        assert again == receipt
        assert again["shield"]["state"] == "off"
        first = json.loads(done("ranking", receipt["id"], "--json", "--top", "2"))
        assert first == {**again, "rows": again["rows"][:2]}
        assert len(json.loads(rank("--json", "--top", "1").stdout)["rows"]) == 1
        assert done("ranking", receipt["id"], "--top", "2").splitlines()[3].split()[0] == "1"

    def test_quiet_is_a_list_of_references(self, rank, pool):
        names = rank("-q").stdout.split()
        assert sorted(names) == [f"{pool}/e{seed}@1" for seed in range(3)]

    def test_no_intercept(self, rank):
        assert not json.loads(rank("--no-intercept", "--json").stdout)["intercept"]


class TestWarnings:
    def test_small_class_is_one_line(self, rank, arrays):
        labels = np.load(arrays[1])
        labels[0] = 7
        np.save(arrays[1], labels)
        warned = [line for line in rank().stderr.splitlines() if line.startswith("warning:")]
        assert warned[0].startswith("warning: Classes with fewer than 5 rows: '7' (1).")
        assert len(warned) == 2

    def test_nothing_helps(self, rank, arrays, tmp_path, esm_directory, done, esm, namespace):
        from safetensors.numpy import save_file

        poor = esm_directory("poor")
        weight = np.eye(16, dtype=np.float32)
        weight[0, 0] = 0
        save_file(
            {"model.weight": weight, "model.bias": np.zeros(16, np.float32)},
            poor / "model.safetensors",
        )
        space = f"{namespace}-poor"
        done("push", poor, f"{namespace}/poor", "--space", space)
        result = esm("rank", "--embeddings", arrays[0], "--labels", arrays[1], "--space", space)
        assert "warning: no source task scores above the base model as it is" in result.stderr


class TestLabels:
    @pytest.mark.parametrize(
        ("name", "text", "more"),
        [
            ("y.txt", "\n".join(["yes", "no"] * 100), []),
            ("y.csv", "label\n" + "\n".join(["yes", "no"] * 100), []),
            (
                "y.csv",
                "id,label\n" + "\n".join(["1,yes", "2,no"] * 100),
                ["--label-column", "label"],
            ),
            ("y.csv", "\ufefflabel\r\n" + "\r\n".join(["yes", "no"] * 100), []),
        ],
    )
    def test_text_formats(self, rank, tmp_path, name, text, more):
        (tmp_path / name).write_text(text, encoding="utf-8")
        result = rank("--json", *more, labels=name)
        assert result.returncode == 0, result.stderr
        receipt = json.loads(result.stdout)
        assert (receipt["kind"], receipt["num_label_columns"]) == ("classification", 2)

    @pytest.mark.parametrize(
        ("values", "more", "kind", "columns"),
        [
            (np.arange(200) % 4, [], "classification", 4),
            (np.arange(200) % 4, ["--kind", "regression"], "regression", 1),
            (np.linspace(0, 1, 200), [], "regression", 1),
            (np.arange(200.0) % 2, [], "classification", 2),
            (np.random.default_rng(0).standard_normal((200, 3)), [], "regression", 3),
        ],
    )
    def test_kind_is_inferred_or_said(self, rank, arrays, values, more, kind, columns):
        np.save(arrays[1], values)
        receipt = json.loads(rank("--json", *more).stdout)
        assert (receipt["kind"], receipt["num_label_columns"]) == (kind, columns)

    def test_numbers_in_text_may_be_a_regression(self, rank, tmp_path):
        (tmp_path / "y.txt").write_text("\n".join(str(number / 7) for number in range(200)))
        assert json.loads(rank("--json", labels="y.txt").stdout)["kind"] == "regression"


class TestRefused:
    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            (np.zeros(200, int), "The labels leave nothing to explain: only one class occurs."),
            (np.full(200, np.nan), "Label 'nan' in row 0 is missing or not usable as a class."),
            (np.arange(50) % 2, "50 labels do not fit 200 embeddings."),
        ],
        ids=["one class", "NaN", "too few"],
    )
    def test_bad_labels(self, rank, arrays, labels, message):
        np.save(arrays[1], labels)
        result = rank("-q")
        assert result.returncode == 1
        assert result.stderr.splitlines()[0] == f"error: {message}"
        assert len(result.stderr.splitlines()) == 2

    @pytest.mark.parametrize(
        ("embeddings", "message"),
        [
            (np.full((200, 16), np.nan), "NaN"),
            (np.zeros(200), "X.npy holds float64 of shape (200,)."),
            (np.array([["a"]]), "X.npy holds <U1 of shape (1, 1)."),
            (np.array([{"a": 1}], dtype=object), "X.npy holds Python objects (pickle)"),
        ],
        ids=["NaN", "one axis", "words", "pickle"],
    )
    def test_bad_embeddings(self, rank, arrays, embeddings, message):
        np.save(arrays[0], embeddings, allow_pickle=True)
        result = rank("-q")
        assert result.returncode == 1
        assert message in result.stderr.splitlines()[0]
        assert len(result.stderr.splitlines()) == 2

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("y.csv", "a,b\n1,2\n", "y.csv has several columns; its columns are a, b."),
            ("y.csv", "", "y.csv has several columns; its columns are none."),
            ("y.txt", "yes\n\nno\n", "The label of row 1 in y.txt is empty."),
            ("y.txt", "0\n1\nnan\n", "The label of row 2 in y.txt is 'nan'."),
            ("y.npy", "no array", "y.npy cannot be read"),
            ("missing.txt", None, "missing.txt cannot be read: No such file or directory."),
        ],
    )
    def test_bad_label_files(self, rank, tmp_path, name, text, message):
        if text is not None:
            (tmp_path / name).write_text(text)
        result = rank("-q", labels=name)
        assert result.returncode == 1
        assert result.stderr.splitlines()[0].removeprefix("error: ").startswith(message)
