"""An update in the midst of things: clients and servers of two editions, and what the old one left.

The earlier edition is installed from this repository's own history and runs in processes of its
own; users' commands say what each edition does.
"""

from pathlib import Path

import pytest
from compatibility.conftest import COMMIT

pytestmark = pytest.mark.slow
REFERENCES = [f"team/e{seed}@1" for seed in range(3)]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def push(edition, server, esms: Path) -> dict[str, str]:
    """Push three ESMs; their digests by reference."""
    pushed = [
        edition.client(server, "push", esms / f"e{seed}", f"team/e{seed}", "--space", "tiny")
        for seed in range(3)
    ]
    return {version["reference"]: version["digest"] for version in pushed}


def rank(edition, server, target) -> list[tuple[str, str, float]]:
    """What a ranking says: reference, digest and score of each ESM, best first."""
    return rows_of(edition.client(server, "rank", *target, "--space", "tiny"))


def errors(edition, server, target) -> list[tuple[str, float, float]]:
    """The same with how sure each row is."""
    rows = edition.client(server, "rank", *target, "--space", "tiny")["rows"]
    assert all(row["standard_error"] > 0 for row in rows)
    return [(row["reference"], row["score"], row["standard_error"]) for row in rows]


def rows_of(receipt) -> list[tuple[str, str, float]]:
    rows = [(row["reference"], row["digest"], row["score"]) for row in receipt["rows"]]
    assert sorted(reference for reference, _, _ in rows) == REFERENCES
    return rows


def pull(edition, server, folder: Path, *options: str) -> dict[str, dict[str, bytes]]:
    """Pull three ESMs; their files by reference."""
    pulled = {}
    for reference in REFERENCES:
        target = folder / reference.partition("/")[2]
        edition.client(server, "pull", reference, target, *options)
        pulled[reference] = files(target)
    return pulled


def pushed_files(esms: Path) -> dict[str, dict[str, bytes]]:
    return {f"team/{folder.name}@1": files(folder) for folder in esms.iterdir()}


def test_the_earlier_edition_is_the_one_that_runs(old, new, packages):
    where = "import esm_client, esm_server; print(esm_client.__file__, esm_server.__file__)"
    assert old.python("-c", where).count(str(packages)) == 2, COMMIT
    assert str(packages) not in new.python("-c", where)
    lost = "import esm_client.remote.rank_locally"  # ours has it under another name
    old.python("-c", lost)
    with pytest.raises(AssertionError, match="No module named"):
        new.python("-c", lost)


def test_both_editions_write_the_same_bytes(old, new, esms, tmp_path):
    script = Path(__file__).with_name("write_esms.py")
    new.python(script, tmp_path / "again")
    assert pushed_files(tmp_path / "again") == pushed_files(esms)


@pytest.mark.parametrize(("client", "server"), [("old", "new"), ("new", "old")])
def test_a_client_of_one_edition_and_a_server_of_the_other(
    client, server, serve, esms, target, tmp_path, request
):
    ours, theirs = request.getfixturevalue(client), request.getfixturevalue(server)
    running = serve(theirs)
    digests = push(ours, running, esms)
    ranked = rank(ours, running, target)
    assert {reference: digest for reference, digest, _ in ranked} == digests
    assert ranked == rank(theirs, running, target)
    whole = (*target, "--uncertainty", "--send-embeddings")  # folds and rows travel too
    assert errors(ours, running, whole) == errors(theirs, running, whole)
    assert pull(ours, running, tmp_path / "pulled") == pushed_files(esms)


def test_what_the_earlier_edition_left_opens(old, new, serve, esms, target, tmp_path):
    running = serve(old)
    digests = push(old, running, esms)
    receipt = old.client(running, "rank", *target, "--space", "tiny")
    pulled = pull(old, running, tmp_path / "before")
    running.stop()

    offline = pull(new, running, tmp_path / "offline", "--offline")
    assert offline == pulled == pushed_files(esms)

    running = serve(new)
    assert rank(new, running, target) == rows_of(receipt)
    assert rows_of(new.client(running, "ranking", receipt["id"])) == rows_of(receipt)
    assert {reference: digest for reference, digest, _ in rows_of(receipt)} == digests
    assert pull(new, running, tmp_path / "after") == pulled
    running.stop()
    new.server_command("check", "--data-dir", running.output.parent)


def test_an_earlier_client_makes_a_robot_and_is_told_its_name(old, new, serve, esms):
    """It names the robot itself; where that belongs is in the answer."""
    running = serve(new)
    push(old, running, esms)
    made = new.server_command(
        "token", "create", "--user", "boss", "--scope", "admin", "--data-dir",
        running.output.parent,
    )  # fmt: skip
    writer, running.token = running.token, made.strip()
    options = ("--scope", "write", "--namespace", "team", "--user", "hotel-bot", "--robot")
    for edition, name in ((old, "one"), (new, "two")):
        robot = edition.client(running, "token", "create", name, *options)
        assert (robot["user"], robot["kind"]) == ("robot.team.hotel-bot", "robot")
        assert robot["expires_at"] is not None
    listed = old.client(running, "token", "list", "--user", "robot.team.hotel-bot")
    assert [token["name"] for token in listed] == ["one", "two"]
    running.token = robot["secret"]
    assert old.client(running, "whoami")["roles"] == {"team": "writer"}
    running.token = writer
    assert old.client(running, "whoami")["name"] == "anna"


def test_our_client_makes_tokens_on_an_earlier_server(old, new, serve, esms):
    running = serve(old)
    push(new, running, esms)
    made = new.client(running, "token", "create", "ci", "--scope", "write", "--expires-days", "3")
    assert (made["user"], made["namespace"]) == ("anna", None)
    assert new.client(running, "token", "rotate", "ci")["id"] == made["id"]
