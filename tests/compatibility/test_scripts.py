"""What our tests run in an earlier edition works there: it asks nothing that came later."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("name", ["rank_a_copy.py", "write_esms.py"])
def test_a_script_works_in_an_earlier_edition(name, source, tmp_path):
    script, tests = Path(__file__).with_name(name), ROOT / "tests"
    ran = subprocess.run(
        [sys.executable, "-c", MAKES_ESMS, script, tmp_path, tests],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(source / "client")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "esm" / "config.json").exists()
