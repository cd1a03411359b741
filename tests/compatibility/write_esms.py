"""Write three ESMs, the same bytes in every edition: `python write_esms.py FOLDER`."""

import sys
from pathlib import Path

import numpy as np

from esm_client import EsmArtifact
from esm_client.core.artifact.config import EsmConfig
from esm_client.core.maps.affine import AffineMap
from esm_client.core.schemas import FitReport, SourceTask
from esm_client.core.shield.source import SourceSketches
from esm_client.core.spaces import CANARIES, SpaceIdentity

DIMENSION = 16


def write_esm(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    canaries = np.random.default_rng(9).standard_normal((len(CANARIES), DIMENSION))
    weight = np.eye(DIMENSION) + rng.standard_normal((DIMENSION, DIMENSION)) / DIMENSION
    identity = SpaceIdentity(
        base_model="org/tiny", revision="main", pooling="mean", dimension=DIMENSION
    )
    config = EsmConfig(
        base_model="org/tiny",
        task=SourceTask(
            data_set=f"test/{folder.name}",
            text_columns=("text",),
            label_column="label",
            split="train",
            num_rows=100,
            seed=seed,
            language="en",
            kind="classification",
            num_labels=2,
        ),
        dimension=DIMENSION,
        space=identity,
        fit=FitReport(solver="ridge", held_out_mse=0.05, identity_mse=0.2, held_out_rows=20),
    )
    rows = [(f"row {number} of {folder.name}",) for number in range(200)]
    summary = {"canaries": canaries.astype(np.float32), **SourceSketches.of(rows).tensors()}
    esm_map = AffineMap(
        weight.astype(np.float32), rng.standard_normal(DIMENSION).astype(np.float32)
    )
    EsmArtifact(config=config, map=esm_map, summary=summary, card=f"# {folder.name}\n").write(
        folder
    )


if __name__ == "__main__":
    for seed in range(3):
        write_esm(Path(sys.argv[1]) / f"e{seed}", seed)
