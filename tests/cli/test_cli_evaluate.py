"""`evaluate` on small real tasks: killed, gone on with, reported."""

import csv
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from docs.demo.base_model import base_model_path
from docs.demo.tasks.write import SOURCES, TARGET, write_tasks
from support.commands import COMMAND, Result, run_here, run_process

pytestmark = pytest.mark.xdist_group("grid")

pytest.importorskip("matplotlib")

METHODS = ("esm-logme", "logme", "text-embedding", "vocabulary", "nce", "random")
ROWS = 64


def _cut(path: Path, rows: int) -> None:
    with path.open(newline="") as file:
        lines = list(csv.reader(file))[: rows + 1]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)


@pytest.fixture(name="folders", scope="module")
def _folders(tmp_path_factory) -> tuple[Path, Path]:
    """Seven sources, one of them a copy of the target, and the target."""
    root = tmp_path_factory.mktemp("evaluate")
    tasks = write_tasks(root / "all")
    sources, targets = root / "sources", root / "targets"
    sources.mkdir()
    targets.mkdir()
    for path in tasks.values():
        _cut(path, ROWS)
    (sources / "copy.csv").write_bytes(tasks[TARGET].read_bytes())
    for name in SOURCES[:6]:
        tasks[name].rename(sources / f"{name}.csv")
    tasks[TARGET].rename(targets / f"{TARGET}.csv")
    return sources, targets


@pytest.fixture(name="model", params=["tiny", pytest.param("minilm", marks=pytest.mark.slow)],
                scope="module")  # fmt: skip
def _model(request, base_model) -> Path:
    """Of the grid."""
    return base_model if request.param == "tiny" else base_model_path()


def _command(model: Path, folders, output: Path, *more: str) -> list[str]:
    methods = [word for name in METHODS for word in ("--method", name)]
    return [
        "evaluate", *map(str, folders), "--output", str(output), "--base-model", str(model),
        "--epochs", "1", "--target-rows", "40", "--evaluation-rows", "20",
        "--device", "cpu", "--threads", "1", *methods, *more,
    ]  # fmt: skip


def _run(command: list[str]) -> Result:
    return run_here(command, env=os.environ, cwd=Path.cwd())


def _records(output: Path) -> list[dict]:
    path = output / "records.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def _transfers(output: Path) -> list[dict]:
    return [record for record in _records(output) if record["what"] == "transfer"]


@pytest.fixture(name="output", scope="module")
def _output(request, model, folders, tmp_path_factory) -> Path:
    """A grid; with MiniLM it was killed after some transfers, and run again."""
    output = tmp_path_factory.mktemp("grid") / "out"
    command = _command(model, folders, output)
    if model == base_model_path():
        return _killed_and_run_again(command, output)
    return _told(_run(command), output)


def _killed_and_run_again(command: list[str], output: Path) -> Path:
    process = subprocess.Popen(
        [*COMMAND, *command], start_new_session=True, stdout=subprocess.DEVNULL
    )
    while len(_transfers(output)) < 3 and process.poll() is None:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    known = _transfers(output)
    assert len(known) >= 3
    with (output / "records.jsonl").open("a") as file:
        file.write('{"what": "transfer", "sou')  # as a kill in the middle of a line leaves it
    _told(run_process(command, env=os.environ, cwd=Path.cwd()), output)
    assert _transfers(output)[: len(known)] == known
    return output


def _told(done: Result, output: Path) -> Path:
    assert done.returncode == 0, done.stderr
    (output / "told.txt").write_text(done.stdout)
    (output / "heard.txt").write_text(done.stderr)
    return output


def test_every_pair_is_there_once(output: Path) -> None:
    found = [(one["source"], one["target"], one["seed"]) for one in _transfers(output)]
    wanted = {(name, TARGET, 0) for name in (None, *SOURCES[:6])}
    assert len(found) == len(set(found))
    assert set(found) == wanted


def test_a_copy_of_the_target_is_left_out(output: Path) -> None:
    (overlap,) = [one for one in _records(output) if one["what"] == "overlap"]
    assert (overlap["source"], overlap["target"]) == ("copy", TARGET)
    assert overlap["share"] == pytest.approx(1.0, abs=0.2)


def test_every_finished_transfer_is_told_elsewhere_than_on_a_terminal(output: Path) -> None:
    told = (output / "heard.txt").read_text().splitlines()
    last = _transfers(output)[-1]
    assert told[-1] == f"7/7 {last['source']} to {TARGET}, seed 0: {last['performance']:.4f}"


def test_few_sources_are_told_first_and_their_transfers_shown(
    base_model, folders, tmp_path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    (few / "a.csv").write_bytes((folders[0] / f"{SOURCES[0]}.csv").read_bytes())
    command = _command(base_model, (few, folders[1]), tmp_path / "out", "--method", "size")
    done = _run(command)
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stderr.splitlines()
    assert first.startswith("warning: 1 source: too few to judge ways to choose, which takes 5;")
    assert last.startswith("2/2 a to ")
    header, *rows, note = done.stdout.splitlines()
    assert header.split() == ["target", "source", "performance", "gain"]
    assert {row.split("  ")[1].strip() for row in rows} == {"a", "no intermediate task"}
    assert note.startswith("Too little is known to judge ways to choose")


@pytest.mark.parametrize("bad", [("small",), ("small", "same")])
def test_bad_data_is_named_before_any_work(base_model, folders, tmp_path, bad) -> None:
    targets = tmp_path / "targets"
    targets.mkdir()
    (targets / "good.csv").write_bytes((folders[1] / f"{TARGET}.csv").read_bytes())
    for name in bad:
        rows = 8 if name == "small" else 60
        labels = "ab" if name == "small" else "aa"
        text = "".join(f"a text about {n},{labels[n % 2]}\n" for n in range(rows))
        (targets / f"{name}.csv").write_text(f"text,label\n{text}")
    command = _command(base_model, (folders[0], targets), tmp_path / "out")
    done = _run(command)
    assert done.returncode == 1
    assert not (tmp_path / "out").exists()
    told = done.stderr.splitlines()
    if len(bad) == 1:
        assert told[0].startswith(
            "error: The target small cannot be used: small has 8 rows; it takes at least 40, "
        )
        return
    assert [line.partition(": ")[2].partition(":")[0] for line in told[:2]] == [
        "the target same", "the target small",
    ]  # fmt: skip
    assert told[2] == "error: 2 data sets cannot be used; nothing was trained."


JUDGED = {*METHODS, "esm-logme+text-embedding", "esm-logme+vocabulary"} - {"nce"}
"""NCE ranks the four classification sources, and five are needed to judge a ranking."""


def test_the_table_names_every_method(output: Path) -> None:
    told = (output / "told.txt").read_text().splitlines()[1:]
    assert {line.split(" ")[0] for line in told} >= JUDGED


def test_all_results_are_in_parquet(output: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    transfers = parquet.read_table(output / "transfers.parquet").to_pylist()
    scores = parquet.read_table(output / "scores.parquet").to_pylist()
    assert {row["source"] for row in transfers} == {None, *SOURCES[:6]}
    assert {row["method"] for row in scores} == set(METHODS)
    assert all(isinstance(row["value"], list) for row in scores)


def test_the_report_stands_alone(output: Path) -> None:
    page = (output / "report.html").read_text()
    assert page.count("<svg") >= 3
    assert "7 transfers: 6 sources, 1 targets, 1 seed" in page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert "<script" not in page


def test_the_same_again_does_nothing_and_another_plan_is_refused(
    model, folders, output: Path
) -> None:
    before = (output / "records.jsonl").read_bytes()
    again = _run(_command(model, folders, output, "--json"))
    assert again.returncode == 0, again.stderr
    assert (output / "records.jsonl").read_bytes() == before
    assert set(json.loads(again.stdout)["methods"]) == JUDGED
    assert _run(_command(model, folders, output, "--batch", "1")).returncode == 2
    changed = _command(model, folders, output)
    changed[changed.index("40")] = "41"
    refused = _run(changed)
    assert refused.returncode == 1
    assert "holds results of other settings (target_rows: 40, now 41)." in refused.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--method", "psychic"), "'psychic' is no method."),
        (("--base-model", "/nowhere"), "There is no folder '/nowhere'"),
    ],
)
def test_wrong_input_is_told_before_any_work(base_model, folders, tmp_path, words, told) -> None:
    done = _run(_command(base_model, folders, tmp_path / "out", *words))
    assert done.returncode == 1
    assert told in done.stderr
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_a_folder_that_is_not_there_is_named(base_model, folders, tmp_path) -> None:
    command = _command(base_model, (tmp_path / "gone", folders[1]), tmp_path / "out")
    done = _run(command)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"error: There is no {tmp_path / 'gone'}."
