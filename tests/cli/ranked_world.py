"""A filled registry for the tests of `rank --method`: demo tasks, their ESMs, one space."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
from docs.demo.tasks.write import write_tasks

from esm_client import Client, EsmArtifact, log_maximum_evidence
from esm_client.lab.data.loading import load_task
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.lab.training.train import train_esm

SOURCES = ("hotel_reviews_sentiment", "question_type", "weather_severity", "same_meaning")
WITHOUT_SUMMARY = "question_type"
WITH_STORED_MODEL = "hotel_reviews_sentiment"
TARGET = "restaurant_reviews_sentiment"
ROWS = 40
WITH_MODEL = (WITH_STORED_MODEL, "same_meaning")
WITHHELD = ("text_embedding", "vocabulary")


@dataclass(frozen=True)
class World:
    """Where everything lies, and what it was made from."""

    home: Path
    base_model: Path
    space: str
    tasks: dict[str, TextTask]
    esms: dict[str, EsmArtifact]
    embedder: Embedder

    @property
    def pack(self) -> Path:
        return self.home / "pack"

    @property
    def target(self) -> Path:
        return self.data(TARGET)

    def data(self, name: str) -> Path:
        return self.home / f"{name}-short.csv"

    def model(self, name: str) -> Path:
        return self.home / "models" / name

    def reference(self, name: str) -> str:
        return f"{self.space}/{name}@1"

    def references(self, scores: dict[str, float]) -> dict[str, float]:
        return {self.reference(name): score for name, score in scores.items()}


def make_world(home: Path, registry, base_model: Path) -> World:
    """Train four sources on 40 rows each, publish and pull them."""
    embedder = Embedder(base_model, device="cpu", name="org/all-minilm")
    world = World(home, base_model, f"s-{uuid4().hex[:8]}", {}, {}, embedder)
    for name, path in write_tasks(home).items():
        lines = path.read_text().splitlines(keepends=True)
        world.data(name).write_text("".join(lines[: ROWS + 1]))
        texts = ["text", "text_pair"] if name == "same_meaning" else ["text"]
        world.tasks[name] = load_task(
            world.data(name), text_columns=texts, label_column="label", name=name
        )
    for name in SOURCES:
        recipe = FineTuneRecipe(epochs=2, learning_rate=3e-3, batch_size=8)
        kept = world.model(name) if name in WITH_MODEL else None
        made = train_esm(world.tasks[name], embedder, recipe, keep_model=kept)
        if name == WITHOUT_SUMMARY:
            summary = {key: value for key, value in made.summary.items() if key not in WITHHELD}
            made = EsmArtifact(made.config, made.map, summary, made.card, made.provenance)
        made.write(home / "esms" / name)
        world.esms[name] = made
    with Client(registry.url, registry.write_token, cache_dir=home / "cache") as client:
        folders = {name: home / "esms" / name for name in SOURCES}
        client.packs.push(world.space, folders, space=world.space)
        client.push_source_model(
            f"{world.space}/{WITH_STORED_MODEL}", world.model(WITH_STORED_MODEL)
        )
        client.packs.pull(world.space, world.pack)
    return world


def ranks(scores: dict[str, float]) -> dict[str, int]:
    """Ranks by name, the highest first; without ties."""
    return {name: place for place, name in enumerate(sorted(scores, key=lambda n: -scores[n]), 1)}


def spearman(one: dict[str, int], other: dict[str, int]) -> float:
    """Of ranks without ties, over the names in both, by the sum of squared differences."""
    both: Iterable[str] = one.keys() & other.keys()
    first, second = (ranks({name: -place[name] for name in both}) for place in (one, other))
    distance, count = sum((first[n] - second[n]) ** 2 for n in first), len(first)
    return 1 - 6 * distance / (count**3 - count)


def direct_scores(world: World) -> dict[str, dict[str, float]]:
    """Scores by text embeddings, token sets and evidence, from the definitions."""
    texts = {name: task.texts for name, task in world.tasks.items()}
    embedded = {name: world.embedder.embed(texts[name]) for name in (*SOURCES, TARGET)}
    dimension = world.embedder.identity.dimension  # the views behind it are the maps' alone
    means = {name: matrix[:, :dimension].mean(axis=0) for name, matrix in embedded.items()}
    encoder = world.embedder.encoder
    tokens = {
        name: {token for row in encoder.tokenise(encoder.join(texts[name])) for token in row}
        for name in embedded
    }
    mine, words, norm = means[TARGET], tokens[TARGET], np.linalg.norm
    told = [name for name in SOURCES if name != WITHOUT_SUMMARY]
    labels = world.tasks[TARGET].labels
    return {
        "text-embedding": {
            name: float(means[name] @ mine / norm(means[name]) / norm(mine)) for name in told
        },
        "vocabulary": {
            name: len(tokens[name] & words) / len(tokens[name] | words) for name in told
        },
        "esm-logme": {
            name: log_maximum_evidence(
                world.esms[name].apply(embedded[TARGET]), labels, kind="classification"
            )
            for name in SOURCES
        },
    }
