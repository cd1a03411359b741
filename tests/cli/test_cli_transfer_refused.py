"""What `transfer` refuses, before anything is trained."""

from types import SimpleNamespace

import numpy as np
import pytest

from esm_client import TargetSketch
from esm_client.core.schemas import SourceTask
from esm_client.lab.data.task import TextTask

pytestmark = pytest.mark.xdist_group("published")


class TestAnotherTarget:
    """A ranking of two classes is none of other data."""

    def test_another_kind(self, fails, published, asked, tmp_path):
        rows = "".join(f"text number {n},{n}.5\n" for n in range(60))
        (tmp_path / "numbers.csv").write_text(f"text,label\n{rows}")
        given = ("numbers.csv", *asked[2:], "--ranking", published.ranking, "--output", "out")
        message, hint = fails("transfer", *given)
        assert message == (
            f"The ranking {published.ranking} is of a classification target; numbers.csv is a "
            "regression data set."
        )
        assert hint.startswith("Rank numbers.csv itself")
        assert not (tmp_path / "out").exists()

    def test_another_number_of_classes(self, fails, published, asked, tmp_path):
        rows = "".join(f"text number {n},{'abcd'[n % 4]}\n" for n in range(60))
        (tmp_path / "four.csv").write_text(f"text,label\n{rows}")
        given = ("four.csv", *asked[2:], "--ranking", published.ranking, "--output", "out")
        message, _ = fails("transfer", *given)
        assert message == (
            f"The ranking {published.ranking} is of a target with 2 classes; the 60 rows of "
            "four.csv that are used here have 4."
        )

    @pytest.mark.filterwarnings("ignore::esm_client.core.scoring.disclosure.DisclosureWarning")
    def test_other_names_of_classes_are_a_warning(self):
        from esm_client.core.warnings import EsmWarning
        from esm_client.workflows.ranked_target import check_ranked

        rows = [f"text {n}" for n in range(8)]
        task = TextTask(
            rows, np.array(["yes", "no"] * 4), "classification", SourceTask(data_set="d")
        )
        sketch = TargetSketch.from_embeddings(
            np.eye(8), np.array(["a", "b"] * 4), kind="classification"
        )
        receipt = SimpleNamespace(
            id="r", kind="classification", num_label_columns=2,
            label_map_digest=sketch.label_map_digest,
        )  # fmt: skip
        with pytest.warns(EsmWarning, match="have other names than those of the target"):
            check_ranked(receipt, task)


class TestRefused:
    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            ((), 2, "Give --ranking, or --source for each one to try."),
            (("--ranking", "R", "--source", "a/b"), 2, "not both: a ranking names its sources."),
            (("--ranking", "0" * 32), 1, "no ranking"),
            (("--source", "nobody/nothing"), 1, "nobody/nothing"),
            (("--ranking", "R", "--source-model", "a/b=x"), 1, "names a/b, which is none of"),
            (("--ranking", "R", "--source-data", "a/b"), 2, "write REFERENCE=PATH"),
            (("--ranking", "R", "--output", "taken"), 1, "taken exists already"),
        ],
    )
    def test_wrong_input(self, fails, published, asked, arguments, code, message, tmp_path):
        (tmp_path / "taken").mkdir()
        (tmp_path / "taken" / "thesis.txt").write_text("years of work")
        given = [published.ranking if one == "R" else one for one in arguments]
        output = () if "--output" in given else ("--output", "out")
        told, _ = fails(*asked, *given, *output, code=code)
        assert message in told
        assert not (tmp_path / "out").exists()


def test_copies_of_the_target_are_no_sources(fails, published):
    copy = published.tasks["hotel_reviews_sentiment"]
    model = ("--base-model", published.base_model, "--output", "out")
    # with seed 7 the rows are those that all three ESMs say they hold
    rows = ("--limit-rows", 20, "--evaluation-rows", 20, "--seed", 7)
    message, hint = fails("transfer", copy, "--ranking", published.ranking, *model, *rows)
    assert message == f"The ranking {published.ranking} has no rows."
    assert "3 copies of the target were left out" in hint
