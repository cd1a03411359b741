"""The best fine-tuned model so far, and its way to where the user wants it."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from esm_client.core.disk import write_whole
from esm_client.lab.embedding import Embedder
from esm_client.lab.evaluation.transfer import Transfer
from esm_client.lab.training.source_model import save_source_model

RESULTS = "results.json"


class BestModel:
    """Models that may turn out best, each in a folder; there are few, for they are large."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, key: str, seed: int) -> bool:
        """Whether the model of a transfer is kept."""
        return self._path(key, seed).is_dir()

    def keep(self, key: str, seed: int, found: Transfer, embedder: Embedder) -> None:
        """Write the model of a transfer, whole or not at all."""
        path = self._path(key, seed)
        staging = path.with_name(f"{path.name}.new")
        for leftover in (staging, path):
            shutil.rmtree(leftover, ignore_errors=True)
        task = found.model.task
        assert task is not None  # noqa: S101 - a transfer has one
        save_source_model(staging, found.tuned, embedder.encoder, task)
        staging.rename(path)

    def forget_others(self, key: str, seed: int) -> None:
        """Remove all other models."""
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if path != self._path(key, seed):
                shutil.rmtree(path, ignore_errors=True)

    def publish(self, key: str, seed: int, output: Path, results: dict[str, Any]) -> None:
        """Put a model's files into a folder, in place of those of an earlier best, and results."""
        for source in self._path(key, seed).iterdir():
            if (output / source.name).exists() and source.samefile(output / source.name):
                continue
            staging = output / f".{source.name}.new"
            staging.unlink(missing_ok=True)
            try:
                os.link(source, staging)
            except OSError:  # a disk without links
                shutil.copyfile(source, staging)
            staging.replace(output / source.name)
        text = json.dumps(results, indent=2, ensure_ascii=False)
        write_whole(output / RESULTS, f"{text}\n".encode())

    def _path(self, key: str, seed: int) -> Path:
        return self._folder / f"{key}-{seed}"
