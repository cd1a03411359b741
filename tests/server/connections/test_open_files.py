"""Files that the server may open, and how many connections fit into them."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from support.server_commands import server_env

from esm_server.connections.files import MOST_CONNECTIONS, MOST_FILES

SHOW = """
import logging, resource, sys
logging.basicConfig(format="%(message)s")
from esm_server.connections.files import allow_connections
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(allow_connections(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""
HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def allowed(soft, hard):
    """Connections, and limits afterwards; and what was logged."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW, str(soft), str(hard)],
        env=server_env(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(map(int, done.stdout.split())), done.stderr


@pytest.mark.process
@pytest.mark.parametrize("hard", [300, 1024, 4096])
def test_a_low_hard_limit_is_told(hard):
    if hard > HARD != resource.RLIM_INFINITY:
        pytest.skip("the hard limit of open files is lower")
    (connections, soft, after), told = allowed(200, hard)
    assert (soft, after) == (hard, hard)
    assert connections == hard * 3 // 4
    assert f"may open {hard} files" in told
    assert "LimitNOFILE" in told


@pytest.mark.process
@pytest.mark.skipif(MOST_CONNECTIONS * 4 // 3 >= HARD, reason="a low hard limit of open files")
def test_the_soft_limit_is_raised():
    (connections, soft, after), told = allowed(1024, HARD)
    assert soft == min(HARD, MOST_FILES)
    assert after == HARD
    assert connections == MOST_CONNECTIONS
    assert told == ""


def test_a_server_has_raised_it(registry):
    limits = Path(f"/proc/{registry.pid}/limits").read_text().splitlines()
    (line,) = [line.split() for line in limits if line.startswith("Max open files")]
    assert int(line[3]) == min(HARD, MOST_FILES) or HARD == resource.RLIM_INFINITY
