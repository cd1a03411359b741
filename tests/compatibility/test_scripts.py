"""What our tests run in an earlier edition asks nothing of it that came later."""

import subprocess
import sys
from pathlib import Path

import pytest
from compatibility.editions import ROOT

SCRIPTS = [Path(__file__).with_name(name) for name in ("rank_a_copy.py", "write_esms.py")]
# As `import esm_server` raises where the package is not there.
WITHOUT_SERVER = """
import runpy, sys
sys.modules["esm_server"] = None
sys.path.insert(0, sys.argv[2])
sys.argv[1:] = [sys.argv[2]]
runpy.run_path(sys.argv[0], run_name="imported")
"""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_for_any_edition_needs_no_server_of_ours(script, tmp_path):
    code = WITHOUT_SERVER.replace("sys.argv[0]", repr(str(script)))
    ran = subprocess.run(
        [sys.executable, "-c", code, "", str(ROOT / "tests")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
