"""The notebook of the documentation runs, from data to the best model."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_quickstart_notebook_runs() -> None:
    notebook = nbformat.read(ROOT / "docs" / "quickstart.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(ROOT)}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    tables = [output["data"]["text/plain"] for output in outputs if "data" in output]
    assert any("quickstart/hotel_reviews_sentiment" in table for table in tables)
    frame = next(table for table in tables if "log_bayes_factor" in table)
    first = next(line for line in frame.splitlines() if "quickstart/" in line)
    assert "hotel_reviews_sentiment" in first

    tried = next(table for table in tables if "no intermediate task" in table)
    assert {"quickstart/hotel_reviews_sentiment", "quickstart/news_desk"} <= set(
        re.findall(r"quickstart/\w+", tried)
    )
    printed = "".join(output.get("text", "") for output in outputs)
    assert "is the best: " in printed
    assert "'model.safetensors'" in printed
    assert "'results.json'" in printed
