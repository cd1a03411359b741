"""Command lines in README and docs that need no model run one after the other, as they stand.

README, "In a team", and the server's commands in docs/operations.md, on a registry as they suppose.
"""

import os
from pathlib import Path

import pytest
from docs.documents import ROOT, command_lines
from support import commands, server_commands
from support.artifacts import make_esm

from esm_client import Client

SPACE = "all-minilm-l6-v2-mean-128-layer-4-384"
TEAM = [
    line for line in command_lines(ROOT / "README.md")
    if line.whole and line.words[0] == "esm-client"
    and line.words[1] in ("namespace", "token", "alias", "yank", "edit", "search", "audit")
]  # fmt: skip
OTHER_WORLDS = {"s3://backups/registry", "--at", "--rights-only", "migrate", "serve"}
"""They need a bucket, a point in time, a server that is away, or a registry without tokens."""
OPERATIONS = [
    line for line in command_lines(ROOT / "docs" / "operations.md")
    if line.whole and line.words[0] == "esm-server" and not OTHER_WORLDS & {*line.words}
    and ("token" not in line.words or "--name" in line.words)
]  # fmt: skip


@pytest.fixture(name="running")
def _running(start_registry, tmp_path, monkeypatch):
    """A registry with three versions of hotels/reviews, and a user anna; a folder to work in."""
    running = start_registry()
    monkeypatch.chdir(tmp_path)
    Path("CARD.md").write_text("# Reviews of hotels\n")
    made = running.run_command("token", "create", "--user", "anna", "--scope", "write")
    assert made.returncode == 0, made.stderr
    with Client(running.url, running.admin_token, cache_dir=tmp_path / "cache") as client:
        client.namespaces.create("hotels", private=True)
        for seed in range(3):
            source = make_esm(tmp_path / str(seed), "reviews", seed=seed, card="hotel reviews")
            client.push(source, "hotels/reviews", space=SPACE)
    return running


def test_the_team_s_commands_run(running, tmp_path) -> None:
    environment = {key: os.environ[key] for key in ("PATH", "HOME")} | {
        "ESM_REGISTRY_URL": running.url,
        "ESM_REGISTRY_TOKEN": running.admin_token,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    assert len(TEAM) == 8
    for line in TEAM:
        words = list(line.words[1:])
        if words[:3] == ["namespace", "create", "hotels"]:
            words[2] = "hotels-2"  # hotels has versions already
        result = commands.run_here(words, env=environment, cwd=tmp_path)
        assert result.returncode == 0, f"{line}: {result.stderr}"


def test_the_operator_s_commands_run(running, tmp_path) -> None:
    assert len(OPERATIONS) > 15
    places = {"/backups": str(tmp_path / "backups"), "/srv/registry": str(tmp_path / "restored")}
    for line in OPERATIONS:
        words = list(line.words[1:])
        for named, place in places.items():
            words = [word.replace(named, place) for word in words]
        if "--data-dir" not in words:
            words += ["--data-dir", str(running.data_dir)]
        if words[0] == "export":
            Path("space.pack").unlink(missing_ok=True)
        result = server_commands.run_here(words, server_commands.server_env())
        assert result.returncode == 0, f"{line}: {result.stdout} {result.stderr}"
