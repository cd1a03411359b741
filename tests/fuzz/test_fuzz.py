"""The short form of `python tests/fuzz/run.py`, and that it would notice what it looks for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.reader import Reader
from fuzz.run import READERS

RUN = Path(__file__).with_name("run.py")
BROKEN = """
import sys
sys.path[:0] = {path!r}
from fuzz.reader import Reader
from fuzz.worker import judge, prepare

def spin(data):
    while True:
        pass

def lose(data):
    return [bytes(2**20) for _ in range(100)]

def long(data):
    from esm_client.core.errors import InvalidInput
    raise InvalidInput("x" * 5000)

prepare()
for read in (spin, lose, long, int):
    print(judge(Reader("broken", "text", read, [b"x"]), b"x").fault)
"""


@pytest.mark.slow
def test_nothing_but_our_errors_comes_out(tmp_path):
    inputs = 40 * len(READERS)
    command = [sys.executable, str(RUN), "--inputs", str(inputs), "--seed", "1", "--jobs", "1"]
    done = subprocess.run(
        [*command, "--save", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["faults"] == 0
    assert told["inputs"] >= inputs
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
def test_the_first_seed_is_accepted_and_inputs_can_be_repeated(reader: Reader):
    reader.read(reader.seeds[0])
    assert [reader.input(3, number) for number in range(50)] == [
        reader.input(3, number) for number in range(50)
    ]


@pytest.mark.xdist_group("serial")
def test_faults_are_seen():
    done = subprocess.run(
        [sys.executable, "-c", BROKEN.format(path=sys.path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    hang, memory, message, other = done.stdout.splitlines()
    assert hang == "more than 5.0 seconds"
    assert "bytes of memory for 1 bytes" in memory
    assert message == "InvalidInput has 5000 characters"
    assert other.startswith("ValueError")
