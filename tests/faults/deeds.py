"""What clients do to a registry while things break, and what they were told had been done."""

import random
import shutil
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from esm_client import Client, EsmError
from esm_client.core.artifact.config import EsmConfig
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.maps.affine import AffineMap
from esm_client.core.schemas import FitReport, SourceTask
from esm_client.core.scoring.sketch import TargetSketch
from esm_client.core.spaces import CANARIES, SpaceIdentity

WIDTH = 48
SPACE = "faults"


def write_esm(folder: Path, seed: int) -> Path:
    """A small valid ESM of the one space, other content for every seed."""
    rng = np.random.default_rng(seed)
    canaries = np.random.default_rng(0).standard_normal((len(CANARIES), WIDTH))
    weight = np.eye(WIDTH) + rng.standard_normal((WIDTH, WIDTH)) / WIDTH
    task = SourceTask(
        data_set=f"faults/{seed}", text_columns=("text",), label_column="label", split="train",
        num_rows=100, seed=seed % 2**31, kind="classification", num_labels=2,
    )  # fmt: skip
    config = EsmConfig(
        base_model="test-org/tiny-bert",
        task=task,
        dimension=WIDTH,
        space=SpaceIdentity(
            base_model="test-org/tiny-bert", revision="main", pooling="mean", dimension=WIDTH
        ),
        fit=FitReport(solver="ridge", held_out_mse=0.05, identity_mse=0.2, held_out_rows=20),
    )
    bias = rng.standard_normal(WIDTH).astype(np.float32)
    summary = {"canaries": canaries.astype(np.float32)}
    esm_map = AffineMap(weight.astype(np.float32), bias)
    return EsmArtifact(config, esm_map, summary, f"# {seed}\n", {}).write(folder)


@dataclass
class Told:
    """What one client was told of one ESM; `doubtful` holds what nobody was told the end of."""

    versions: dict[int, str] = field(default_factory=dict)
    yanked: set[int] = field(default_factory=set)
    alias: int | None = None
    deleted: bool = False
    doubtful: set[str] = field(default_factory=set)
    doubtful_alias: set[int] = field(default_factory=set)


class Actor(threading.Thread):
    """One client with ESMs of its own: pushes, moves aliases, yanks, deletes, ranks, until told."""

    def __init__(self, url: str, token: str, folder: Path, seed: int) -> None:
        super().__init__(daemon=True)
        self.url, self.token, self.folder, self.seed = url, token, folder / f"actor-{seed}", seed
        self.rng = random.Random(seed)
        self.told: dict[str, Told] = {}
        self.done: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.stopped = threading.Event()
        self._pushes = 0

    def run(self) -> None:
        deeds = (self.push, self.move, self.yank, self.delete, self.rank)
        with Client(
            self.url, self.token, cache_dir=self.folder / "cache", timeout=30,
            patience=0,  # a killed server is followed by one at another address
        ) as self.client:  # fmt: skip
            while not self.stopped.is_set():
                deed = self.rng.choices(deeds, weights=(6, 4, 2, 1, 1))[0]
                try:
                    if deed():
                        self.done[deed.__name__] += 1
                except EsmError as error:
                    self.broken[type(error).__name__] += 1
                except BaseException as error:
                    self.wrong.append(f"{deed.__name__}: {error!r}")
                    raise

    def push(self) -> bool:
        self._pushes += 1
        name = f"faults/{self.seed}-{self.rng.randrange(1000)}"
        if self.told and self.rng.random() < 0.5:
            name = self.rng.choice(sorted(self.told))
        own = self.told.setdefault(name, Told())
        if own.deleted or "delete" in own.doubtful:
            return False
        directory = write_esm(self.folder / "esm", self.seed * 1_000_000 + self._pushes)
        try:
            pushed = self.client.push(directory, name, space=SPACE)
        finally:
            shutil.rmtree(directory)
        own.versions[pushed.version] = pushed.digest
        return True

    def _chosen(self) -> tuple[str, Told, int] | None:
        """An ESM with a version that nobody has yanked."""
        live = [
            (name, own, number)
            for name, own in self.told.items()
            for number in own.versions.keys() - own.yanked
            if not own.deleted and not own.doubtful & {"delete", f"yank {number}"}
        ]
        return self.rng.choice(live) if live else None

    def move(self) -> bool:
        if (chosen := self._chosen()) is None:
            return False
        name, own, number = chosen
        own.doubtful_alias.add(number)
        self.client.aliases.set(name, "stable", number)
        own.alias, own.doubtful_alias = number, set()
        return True

    def yank(self) -> bool:
        chosen = self._chosen()
        if chosen is None or chosen[2] in {chosen[1].alias, *chosen[1].doubtful_alias}:
            return False
        name, own, number = chosen
        own.doubtful.add(f"yank {number}")
        self.client.esms.yank(f"{name}@{number}", "tried")
        own.yanked.add(number)
        return True

    def delete(self) -> bool:
        if (chosen := self._chosen()) is None or len(self.told) < 4:
            return False
        name, own, _ = chosen
        own.doubtful.add("delete")
        self.client.esms.delete(name)
        own.deleted = True
        return True

    def rank(self) -> bool:
        x = np.random.default_rng(self.rng.randrange(10**6)).standard_normal((60, WIDTH))
        sketch = TargetSketch.from_embeddings(x, x[:, 0] > 0, kind="classification")
        scores = [row.score for row in self.client.rank(sketch, space=SPACE)]
        if scores != sorted(scores, reverse=True):
            self.wrong.append("a ranking out of order")
        return True
