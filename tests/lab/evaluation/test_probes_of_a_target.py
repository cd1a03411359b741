"""No map is judged on texts that it was fitted to as probe rows."""

import pytest

from esm_client.core.errors import InvalidInput
from esm_client.core.views import SpaceViews
from esm_client.lab.build.plan import BaseModelChoice, DataSet
from esm_client.lab.evaluation.plan import EvaluationPlan
from esm_client.lab.evaluation.records import RecordFile
from esm_client.lab.evaluation.requests import SourceRequest
from esm_client.lab.evaluation.worker import _Worker as Worker
from esm_client.lab.processes.messages import Fact


@pytest.fixture(name="asked")
def _asked(tmp_path, model_folder):
    """asked(probe texts) -> what a worker tells of a source and a target, asked for no score."""

    def rows(name, count):
        path = tmp_path / f"{name}.csv"
        lines = [f"{name} number {n} of many,{n % 2}\n" for n in range(count)]
        path.write_text("text,label\n" + "".join(lines))
        return DataSet(data=str(path), name=name, text_columns=("text",), label_column="label",
                       epochs=1)  # fmt: skip

    def asked(texts):
        (tmp_path / "probes.txt").write_text("\n".join(texts))
        choice = BaseModelChoice(
            model=str(model_folder), views=SpaceViews(layer=1, count=4),
            probe=str(tmp_path / "probes.txt"),
        )  # fmt: skip
        plan = EvaluationPlan(
            sources=(rows("doors", 40),), targets=(rows("gates", 60),), base_model=choice,
            target_rows=30, evaluation_rows=20, methods=("esm-logme",),
        )  # fmt: skip
        (folder := tmp_path / "grid").mkdir()
        RecordFile(folder, plan).close()
        request = SourceRequest(
            folder=folder, name="doors", seed=0, transfers=[], scores=["gates"], keep_models=False
        )
        told = []
        Worker("cpu", told.append).answer(request)
        return told

    return asked


def test_texts_of_the_target(asked):
    texts = [f"Gates number {n} of many" for n in range(30)]
    with pytest.raises(InvalidInput, match=r"hold \d+ texts of the target 'gates'"):
        asked([*texts, "A shop of bolts."])


def test_other_texts(asked):
    told = asked(["A shop of bolts.", "Who?\tNobody."])
    facts = [one.content for one in told if isinstance(one, Fact)]
    (scored,) = [fact for fact in facts if fact["what"] == "score"]
    assert scored["methods"]["esm-logme"]["value"] is not None
