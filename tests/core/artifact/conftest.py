import numpy as np
import pytest

from esm_client.core.artifact.config import EsmConfig, Recipe
from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.maps.affine import AffineMap
from esm_client.core.schemas import FitReport, SourceTask
from esm_client.core.spaces import SpaceIdentity

D = 6


@pytest.fixture(name="artifact")
def _artifact():
    random = np.random.default_rng(0)
    config = EsmConfig(
        base_model="org/model",
        task=SourceTask(
            data_set="reviews, für alle",
            subset="de",
            text_columns=("premise", "hypothesis"),
            label_column="label",
            split="train",
            num_rows=100,
            seed=42,
            language="de",
            kind="classification",
            num_labels=3,
        ),
        dimension=D,
        space=SpaceIdentity(base_model="org/model", pooling="mean", dimension=D),
        recipe=Recipe(lm_num_epochs=3, lm_learning_rate=2e-5, esm_optimizer="ridge"),
        fit=FitReport(solver="ridge", held_out_mse=0.1, identity_mse=0.2, held_out_rows=10),
        developers="us",
    )
    return EsmArtifact(
        config=config,
        map=AffineMap(
            random.normal(size=(D, D)).astype(np.float32), random.normal(size=D).astype(np.float32)
        ),
        summary={
            "text_embedding": random.normal(size=D).astype(np.float32),
            "canaries": random.normal(size=(5, D)).astype(np.float32),
        },
        card="# A card, with ümlauts\n",
        provenance={"seconds": {"fit": 0.1}, "weight_digest": "sha256:" + "0" * 64},
    )


@pytest.fixture(name="folder")
def _folder(artifact, tmp_path):
    return artifact.write(tmp_path / "esm")
