"""The notebook of the documentation runs, and ranks the related source first."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_quickstart_notebook_runs() -> None:
    notebook = nbformat.read(ROOT / "docs" / "quickstart.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}})
    client.execute()
    tables = [
        output["data"]["text/plain"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/plain" in output.get("data", {})
    ]
    assert any("quickstart/hotel_reviews_sentiment" in table for table in tables)
    frame = next(table for table in tables if "log_bayes_factor" in table)
    first = next(line for line in frame.splitlines() if "quickstart/" in line)
    assert "hotel_reviews_sentiment" in first
