"""An ESM that hf-dataset-selector wrote pushes, ranks and pulls, and loads there again.

The peer pins numpy 2.0.0, so this runs where it is installed beside the server's libraries:
    pip install torch==2.13.0 hf-dataset-selector "numpy==2.0.0" "scipy<1.18" -e ".[server]" pytest
    python -m pytest tests/integration/test_peer_round_trip.py
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

hfselect = pytest.importorskip("hfselect")

from esm_client import Client, TargetSketch  # noqa: E402

DIMENSION = 16


@pytest.mark.parametrize("legacy", [False, True])
def test_peer_directory_pushes_ranks_pulls_and_loads(
    registry: Any, esm_directory: Any, tmp_path: Path, legacy: bool
) -> None:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    config = hfselect.ESMConfig(
        base_model_name="test-org/tiny-bert",
        task_id="imdb",
        text_column="text",
        label_column="label",
        esm_architecture="linear",
        esm_embedding_dim=DIMENSION,
        version="0.1.0" if legacy else "0.2.1",
    )
    written = hfselect.ESM(config=config)
    embeddings = np.random.default_rng(0).standard_normal((80, DIMENSION)).astype(np.float32)
    linear = written.sequential[0] if legacy else written.model
    with torch.no_grad():
        before = linear(torch.from_numpy(embeddings)).numpy()
    written.save_pretrained(tmp_path / "peer")
    if legacy:  # today's package renames the tensors on saving, which 0.1.0 did not
        tensors = {f"sequential.0.{key}": value for key, value in linear.state_dict().items()}
        save_file(tensors, tmp_path / "peer" / "model.safetensors")

    space = f"peer-{legacy}".lower()
    name = f"peer/imdb-{legacy}".lower()
    with Client(registry.url, registry.write_token, cache_dir=tmp_path / "cache") as client:
        client.push(esm_directory("first", DIMENSION), f"peer/first-{legacy}".lower(), space=space)
        pushed = client.push(tmp_path / "peer", name, space=space)
        labels = np.arange(80) % 2
        sketch = TargetSketch.from_embeddings(embeddings, labels, kind="classification")
        ranking = client.rank(sketch, space=space)
        row = next(row for row in ranking if row.digest == pushed.digest)
        assert row.task.data_set == "imdb"
        pulled = client.pull(row.reference, tmp_path / "pulled")

    again = hfselect.ESM.from_pretrained(str(pulled))
    with torch.no_grad():
        after = again(torch.from_numpy(embeddings)).numpy()
    np.testing.assert_array_equal(after, before)
    scored = sketch.log_maximum_evidence(linear.weight.detach().numpy(), None)
    assert row.score == pytest.approx(scored, abs=1e-12)
    print(f"{row.reference} score {row.score:.6f}, transforms alike: {np.ptp(after - before)}")
