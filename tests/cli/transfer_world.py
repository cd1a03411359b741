"""A published space with a ranking, for the tests of `transfer`."""

import warnings
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from docs.demo.tasks.write import write_tasks

from esm_client import Client, Embedder, TargetSketch
from esm_client.core.schemas import Source
from esm_client.core.scoring.disclosure import DisclosureWarning
from esm_client.lab.data.loading import load_task
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.lab.training.train import train_esm

FAST = ("--epochs", "1", "--limit-rows", "40", "--evaluation-rows", "40", "--device", "cpu")
TARGET = "restaurant_reviews_sentiment"


class Published:
    """A space with three sources: one with data, one with its model too, one with neither."""

    def __init__(self, registry, folder: Path, base_model: Path) -> None:
        self.base_model = base_model
        self.tasks = write_tasks(folder / "tasks")
        self.namespace = f"n-{uuid4().hex[:12]}"
        self.model = folder / "model"
        embedder = Embedder(base_model, device="cpu")
        hotels = Source(location=str(self.tasks["hotel_reviews_sentiment"]))
        news = Source(location=str(self.tasks["news_desk"]))
        sources = {
            "hotels": ("hotel_reviews_sentiment", hotels),
            "news": ("news_desk", news),
            "questions": ("question_type", Source(location="https://example.org/q.csv")),
        }
        rows = load_task(self.tasks["hotel_reviews_sentiment"], limit_rows=40, seed=7)
        recipe = FineTuneRecipe(epochs=1, batch_size=8)
        first = train_esm(rows, embedder, recipe, seed=3, keep_model=self.model)
        with Client(registry.url, registry.write_token, cache_dir=folder / "cache") as client:
            for name, (task, source) in sources.items():
                # one map for all: what is ranked first does not matter here
                known = load_task(self.tasks[task], limit_rows=40, seed=7).source_task
                config = first.config.model_copy(update={"task": known})
                esm = replace(first, config=config, source=source)
                path = esm.write(folder / name)
                client.push(path, f"{self.namespace}/{name}", space=self.namespace, force=True)
            client.push_source_model(f"{self.namespace}/news", self.model)
            target = load_task(self.tasks[TARGET], limit_rows=60)
            with warnings.catch_warnings():  # of few rows, as MiniLM is wide
                warnings.simplefilter("ignore", DisclosureWarning)
                sketch = TargetSketch.from_embeddings(
                    embedder.embed(target.texts),
                    target.labels,
                    kind="classification",
                    views=embedder.views,
                )
                ranking = client.rank(
                    sketch, space=self.namespace, fingerprint=embedder.fingerprint
                )
        self.ranking = ranking.id
        self.ranks = {row.reference: row.rank for row in ranking}

    def name(self, source: str) -> str:
        return f"{self.namespace}/{source}@1"

    @property
    def asked(self) -> tuple[str, ...]:
        """The target, the base model and a quick recipe."""
        model = ("--base-model", str(self.base_model))
        return "transfer", str(self.tasks[TARGET]), *model, *FAST
