"""What our tests run in an earlier edition works there: it asks nothing that came later."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from compatibility.conftest import COMMIT
from compatibility.editions import ROOT

MAKES_ESMS = """
import runpy, sys
from pathlib import Path
script, folder, tests = sys.argv[1:]
sys.path.insert(0, tests)
sys.argv[1:] = [tests]
runpy.run_path(script, run_name="imported")
from support.artifacts import make_esm
make_esm(Path(folder), rows=[("a text",)])
"""


@pytest.fixture(name="earlier", scope="module")
def _earlier(tmp_path_factory):
    """Where an earlier edition's client lies, as git has it."""
    folder = tmp_path_factory.mktemp("earlier")
    asked = ["git", "archive", COMMIT, "client"]
    archive = subprocess.run(asked, cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"commit {COMMIT} is not in the history of this checkout")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder / "client"


@pytest.mark.parametrize("name", ["rank_a_copy.py", "write_esms.py"])
def test_a_script_works_in_an_earlier_edition(name, earlier, tmp_path):
    script, tests = Path(__file__).with_name(name), ROOT / "tests"
    ran = subprocess.run(
        [sys.executable, "-c", MAKES_ESMS, script, tmp_path, tests],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(earlier)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "esm" / "config.json").exists()
