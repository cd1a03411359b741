"""`esm_client.evaluate`: a grid of two sources and a target."""

import shutil

import pytest
from docs.demo.tasks.write import TARGET

from esm_client import evaluate
from esm_client.core.errors import InvalidDataset, InvalidInput
from esm_client.core.warnings import EsmWarning
from esm_client.lab.evaluation.finished import TRANSFERS

pytestmark = pytest.mark.xdist_group("built")  # one build serves them all

pytest.importorskip("matplotlib")


@pytest.fixture(name="asked")
def _asked(built, tasks, tiny, tmp_path):
    target = tmp_path / "targets"
    target.mkdir()
    shutil.copyfile(tasks[TARGET], target / "mine.csv")
    return {
        "sources": built.data, "targets": target, "output": tmp_path / "out",
        "base_model": str(tiny), "methods": ("esm-logme", "size"), "source_rows": 40,
        "target_rows": 40, "evaluation_rows": 20, "epochs": 1, "devices": ["cpu"], "threads": 1,
    }  # fmt: skip


def test_every_pair_is_tried_and_told(built, asked):
    heard = type(built.heard)()
    with pytest.warns(EsmWarning, match="^2 sources: too few to judge ways to choose"):
        result = evaluate(**asked, **heard.asked)
    tried = {(one["target"], one["source"]) for one in result.transfers}
    assert tried == {("mine", None), *(("mine", row.name) for row in built.report.rows)}
    assert sorted((one.done, one.total) for one in heard.results) == [(1, 3), (2, 3), (3, 3)]
    assert (TRANSFERS, 3, 3) in heard.steps
    assert (result.report, result.failed, result.methods) == (None, {}, {})
    assert (result.path / "transfers.parquet").is_file()
    assert "no intermediate task" in repr(result)
    assert "<td" in result._repr_html_()


def test_what_cannot_be_read_is_told_before_any_training(asked, tmp_path):
    (asked["targets"] / "mine.csv").write_text("text,label\na,1\nb,2\n")
    with (
        pytest.warns(EsmWarning, match="too few"),
        pytest.raises(InvalidDataset, match="^The target mine cannot be used: "),
    ):
        evaluate(**asked, progress=False)
    assert not (tmp_path / "out").exists()


def test_one_method_and_a_path_as_base_model(asked, tiny):
    (asked["targets"] / "mine.csv").write_text("text,label\na,1\nb,2\n")
    asked |= {"base_model": tiny, "methods": "size", "devices": "cpu"}
    with (
        pytest.warns(EsmWarning, match="too few"),
        pytest.raises(InvalidDataset, match="^The target mine cannot be used: "),
    ):
        evaluate(**asked, progress=False)


def test_a_folder_that_is_not_there(asked, tmp_path):
    asked["targets"] = tmp_path / "gone"
    with pytest.raises(InvalidInput, match="gone"):
        evaluate(**asked)
