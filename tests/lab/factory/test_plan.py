import pytest

from esm_client.core.errors import InvalidInput, InvalidName
from esm_client.lab.build.jobs import make_jobs
from esm_client.lab.build.plan import BaseModelChoice, Plan


@pytest.fixture(name="folder")
def _folder(tmp_path):
    (tmp_path / "tasks").mkdir()
    for name in ("One Task.csv", "two.jsonl.gz", "notes.md"):
        (tmp_path / "tasks" / name).write_text("text,label\n")
    return tmp_path


def read(folder, text, **overrides):
    (folder / "plan.toml").write_text(text)
    return Plan.read(folder / "plan.toml", **overrides)


def test_a_plan_fills_each_data_set_with_its_defaults(folder):
    plan = read(
        folder,
        """
        [defaults]
        epochs = 2
        licence = "cc0"
        [[base_model]]
        model = "org/name"
        pooling = "mean"
        [[data]]
        data = "tasks/*.csv"
        [[data]]
        data = "org/dataset"
        name = "hub"
        epochs = 5
        label_column = "y"
        """,
        limit_rows=7,
        epochs=None,
    )
    first, second = plan.data
    assert (first.name, first.epochs, first.limit_rows) == ("one-task", 2, 7)
    assert first.data == str(folder / "tasks" / "One Task.csv")
    assert (second.data, second.name, second.epochs) == ("org/dataset", "hub", 5)
    assert second.source.licence == "cc0"
    assert plan.base_models == (BaseModelChoice(model="org/name", pooling="mean"),)


def test_a_folder_is_a_plan(folder):
    assert [data.name for data in Plan.read(folder / "tasks").data] == ["one-task", "two"]
    assert [data.name for data in Plan.read(folder / "tasks" / "two.jsonl.gz").data] == ["two"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[data]", "plan.toml cannot be read"),
        ("[extra]\nx = 1", "a section 'extra'"),
        ("[defaults]\nepochs = 2", "names no data set"),
        ('[[data]]\nname = "x"', "plan.toml: data is"),
        ('[[data]]\ndata = "a/b"\nepoch = 2', "plan.toml: epoch is '2': extra inputs"),
        ('[[data]]\ndata = "a/b"\nepochs = 0', "epochs is '0': input should be greater"),
        ('[[data]]\ndata = "tasks/*.xyz"', r"No file fits 'tasks/\*.xyz'"),
        ('[[data]]\ndata = "tasks"\nname = "x"', "'tasks' stands for 2 data sets"),
        ('[[base_model]]\nfolder = "x"\n[[data]]\ndata = "a/b"', "model is"),
    ],
)
def test_a_plan_that_cannot_be_used_says_where(folder, text, message):
    with pytest.raises(InvalidInput, match=message):
        read(folder, text)


def test_an_empty_folder_and_a_missing_plan_say_so(folder):
    (folder / "empty").mkdir()
    with pytest.raises(InvalidInput, match="holds no data file"):
        Plan.read(folder / "empty")
    with pytest.raises(InvalidInput, match="cannot be read"):
        Plan.read(folder / "no.toml")


def test_jobs_need_base_models_and_names_of_their_own(folder, model_folder):
    choice = BaseModelChoice(model=str(model_folder), name="org/all-MiniLM")
    data = Plan.read(folder / "tasks").data
    with pytest.raises(InvalidInput, match="names no base model"):
        make_jobs(Plan(data=data))
    jobs = make_jobs(Plan(data=data, base_models=(choice,)))
    assert [job.data.name for job in jobs] == ["one-task", "two"]
    assert {job.space for job in jobs} == {"all-minilm-mean-128-layer-1-32"}
    with pytest.raises(InvalidInput, match="Two data sets of the plan are called 'two'"):
        make_jobs(Plan(data=(data[1], data[1]), base_models=(choice,)))
    with pytest.raises(InvalidInput, match="give the space 'all-minilm-mean-128-layer-1-32'"):
        make_jobs(Plan(data=data, base_models=(choice, choice)))
    with pytest.raises(InvalidName):
        make_jobs(Plan(data=(data[0].model_copy(update={"name": "A b"}),), base_models=(choice,)))
    wrong = data[0].model_copy(update={"architecture": "low-rank", "solver": "sgd"})
    with pytest.raises(InvalidInput, match="closed form"):
        make_jobs(Plan(data=(wrong,), base_models=(choice,)))


def test_the_key_follows_all_that_the_esm_depends_on(folder, model_folder):
    choice = BaseModelChoice(model=str(model_folder))
    data = Plan.read(folder / "tasks").data[0]

    def key(change=None, base_model=choice, digest="sha256:1"):
        changed = data.model_copy(update=change or {})
        return make_jobs(Plan(data=(changed,), base_models=(base_model,)))[0].key(digest)

    changes = [{"epochs": 4}, {"seed": 1}, {"rank": 3}, {"licence": "mit"}, {"shield": False}]
    keys = [key(), *map(key, changes), key(digest="sha256:2")]
    keys.append(key(base_model=BaseModelChoice(model=str(model_folder), max_length=64)))
    keys.append(key(base_model=BaseModelChoice(model=str(model_folder), views="none")))
    assert len(set(keys)) == len(keys)
    assert key() == key({"data": "elsewhere.csv"})
