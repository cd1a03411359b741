"""Every block of Python in README and docs runs, in a world as its document supposes."""

import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from docs.demo.base_model import base_model_path
from docs.demo.tasks.write import write_tasks
from docs.documents import DOCUMENTS, ROOT, python_blocks

from esm_client import Client, Embedder, FineTuneRecipe, load_task, train_esm

MODEL = "/models/all-MiniLM-L6-v2"
SPACE = "all-minilm-l6-v2-mean-128-layer-4-384"
ROWS = 40
WITH_BLOCKS = [
    pytest.param(path, id=f"{path.name}, lines {', '.join(str(one.line) for one in blocks)}")
    for path in DOCUMENTS
    if (blocks := python_blocks(path))
]
Namespace = dict[str, Any]


@pytest.fixture(name="reader")
def _reader(start_registry, tmp_path, monkeypatch):
    """A reader's machine: a folder to work in, and a registry named by variables."""
    running = start_registry()
    monkeypatch.setenv("ESM_REGISTRY_URL", running.url)
    monkeypatch.setenv("ESM_REGISTRY_TOKEN", running.write_token)
    monkeypatch.setenv("ESM_REGISTRY_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def engine(folder: Path, esm_directory) -> Namespace:
    """X and y of a target, and a space `minilm`."""
    x = np.random.default_rng(0).standard_normal((200, 16))
    with Client() as client:
        for seed, language in enumerate(("de", "en")):
            source = esm_directory(language, seed=seed, language=language)
            client.push(source, f"team/{language}", space="minilm")
    return {"X": x, "y": (x[:, 0] > 0).astype(int)}


def readme(folder: Path, esm_directory) -> Namespace:
    """Two sources in a space, with their models, a target in data.csv, and its texts."""
    embedder = Embedder(base_model_path(), device="cpu", name="org/all-minilm")
    for name, path in write_tasks(folder).items():
        lines = path.read_text().splitlines(keepends=True)
        (folder / f"{name}.csv").write_text("".join(lines[: ROWS + 1]))
    recipe = FineTuneRecipe(epochs=1, learning_rate=1e-4)
    with Client() as client:
        for name in ("hotel_reviews_sentiment", "question_type"):
            task, model = load_task(folder / f"{name}.csv"), folder / f"{name}-model"
            made = train_esm(task, embedder, recipe, keep_model=model)
            client.push(made.write(folder / name), f"team/{name}", space=SPACE)
            client.push_source_model(f"team/{name}", model)
    (folder / "restaurant_reviews_sentiment.csv").rename(folder / "data.csv")
    return {"texts": load_task(folder / "data.csv").texts}


WORLDS = {"README.md": readme, "engine.md": engine}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The sketch has 40 rows")  # a world as small as can be
@pytest.mark.parametrize("path", WITH_BLOCKS)
def test_blocks_run(path: Path, reader, esm_directory) -> None:
    blocks = python_blocks(path, {MODEL: str(base_model_path())})
    blocks[0].namespace.update(WORLDS[path.name](reader, esm_directory))
    for block in blocks:
        block.evaluate()


def sources() -> dict[str, str]:
    """All Python of README, docs and the notebook by where it stands."""
    found = {
        f"{path.name}:{block.line}": str(block.parsed)
        for path in DOCUMENTS
        for block in python_blocks(path)
    }
    for path in sorted((ROOT / "docs").glob("*.ipynb")):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type == "code":
                found[f"{path.name}, cell {number}"] = cell.source
    return found


def inner_modules(source: str) -> list[str]:
    """What Python imports from below `esm_client`, or from the server."""
    return re.findall(r"(?:from|import)\s+(esm_client\.[\w.]+|esm_server[\w.]*)", source)


def test_documents_import_from_esm_client_alone() -> None:
    found = {place: inner_modules(source) for place, source in sources().items()}
    assert len(found) > 6
    assert {place: names for place, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "line",
    ["from esm_client.lab.data import x", "import esm_client.core as core", "import esm_server"],
)
def test_an_inner_import_would_be_found(line: str) -> None:
    assert len(inner_modules(f"import esm_client\n{line}")) == 1
