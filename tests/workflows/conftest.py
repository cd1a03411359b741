"""Small real tasks, and a tiny base model of random weights: logic, not quality."""

import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from docs.demo.tasks.write import write_tasks
from support.tiny_bert import write_tiny_bert

from esm_client import Client, build
from esm_client.lab.build.plan import Plan

torch = pytest.importorskip("torch")
SOURCES = ("hotel_reviews_sentiment", "news_desk")


class Heard:
    """What was told of progress and results."""

    def __init__(self):
        self.steps, self.results = [], []
        self.asked = {
            "progress": lambda *step: self.steps.append(step),
            "on_result": self.results.append,
        }

    @property
    def trained(self):
        """What was fine-tuned on."""
        ending = ": Fine-tuning"
        return {step.removesuffix(ending) for step, _, _ in self.steps if step.endswith(ending)}


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", name="tiny")
def _tiny(tmp_path_factory) -> Path:
    """The folder of the base model."""
    return write_tiny_bert(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session", name="tasks")
def _tasks(tmp_path_factory) -> dict[str, Path]:
    return write_tasks(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(name="client")
def _client(registry, tmp_path):
    with Client(registry.url, registry.write_token, cache_dir=tmp_path / "cache") as client:
        yield client


class Built:
    """Two ESMs that `build` made and published."""

    def __init__(self, registry, tasks, model: Path, folder: Path) -> None:
        self.namespace = f"n-{uuid4().hex[:12]}"
        self.output, self.heard = folder / "esms", Heard()
        self.data = folder / "data"
        self.data.mkdir()
        for name in SOURCES:
            shutil.copyfile(tasks[name], self.data / f"{name}.csv")
        self.asked = {
            "base_models": [str(model)], "base_model_name": f"org/{self.namespace}",
            "limit_rows": 40, "epochs": 1, "devices": ["cpu"], "threads": 1, "force": True,
            "push": self.namespace,
        }  # fmt: skip
        self.plan = Plan.read(self.data)
        with Client(registry.url, registry.write_token, cache_dir=folder / "cache") as client:
            self.report = build(
                self.plan, self.output, client=client, **self.asked, **self.heard.asked
            )
        self.space = f"{self.namespace}-mean-128-layer-1-32"


@pytest.fixture(scope="session", name="built")
def _built(registry, tasks, tiny, tmp_path_factory) -> Built:
    return Built(registry, tasks, tiny, tmp_path_factory.mktemp("built"))
