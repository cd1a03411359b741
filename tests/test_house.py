"""Rules of the house that no other tool checks."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 300
FOLDERS = {".ci", "client", "deploy", "docs", "findings", "migrations", "server", "tests"}
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py", "manager.py"}


def tracked(*pattern: str) -> list[str]:
    """What git has; nothing where there is no repository."""
    command = ["git", "ls-files", *pattern]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()


@pytest.fixture(name="sources", scope="module")
def _sources() -> list[Path]:
    names = tracked("*.py") or [
        str(path.relative_to(ROOT))
        for part in ("client", "server", "migrations", "tests", "docs")
        for path in (ROOT / part).rglob("*.py")
    ]
    assert len(names) > 100
    return [ROOT / name for name in names]


def test_no_file_is_long(sources: list[Path]) -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in sources}
    assert {path: n for path, n in lengths.items() if n > LONGEST} == {}


def test_every_folder_belongs_here() -> None:
    folders = {name.partition("/")[0] for name in tracked() if "/" in name}
    assert folders <= FOLDERS


def test_every_file_has_a_name_of_the_field(sources: list[Path]) -> None:
    assert [path for path in sources if path.name in FORBIDDEN_NAMES] == []


def test_no_pickle(sources: list[Path]) -> None:
    code = [path for path in sources if path.is_relative_to(ROOT / "client")]
    code += [path for path in sources if path.is_relative_to(ROOT / "server")]
    unsafe = ("import pickle", "torch.load(", "import joblib", "allow_pickle=True")
    found = [(path, word) for path in code for word in unsafe if word in path.read_text()]
    assert found == []


def test_readme_is_finished() -> None:
    assert "@@" not in (ROOT / "README.md").read_text()


def test_groups_of_tests_hold(request: pytest.FixtureRequest) -> None:
    """pytest-xdist tells its scheduler of groups by node ids; releases of pytest may lose them."""
    if request.config.getoption("loadgroup", False):
        assert request.node.nodeid.endswith("@test_house")
