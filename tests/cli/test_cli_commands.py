"""What the commands print: for people, for pipes, as JSON."""

import json
import os
import pty
import stat
import subprocess
import termios
import time

import pytest
from support.commands import COMMAND, failed
from support.relay import Answer

import esm_client
from esm_client import EsmArtifact


class TestPushPull:
    def test_round_trip(self, done, esm_directory, namespace, tmp_path):
        source = esm_directory()
        printed = done("push", source, f"{namespace}/esm")
        assert printed.startswith(f"{namespace}/esm@1 is published in the space ")
        assert done("pull", f"{namespace}/esm", "out").startswith(f"{namespace}/esm@1 is in out")
        assert EsmArtifact.read(tmp_path / "out").config == EsmArtifact.read(source).config

    def test_json(self, done, esm_directory, namespace, tmp_path):
        version = json.loads(done("push", esm_directory(), f"{namespace}/esm", "--json"))
        assert (version["version"], version["name"]) == (1, "esm")
        pulled = json.loads(done("--json", "pull", f"{namespace}/esm"))
        assert pulled == {
            "reference": f"{namespace}/esm@1",
            "digest": version["digest"],
            "path": "esm",
        }
        assert json.loads(done("show", f"{namespace}/esm", "--json")) == version

    def test_quiet_names_can_be_piped(self, done, esm_directory, namespace, tmp_path):
        pinned = done("push", esm_directory(), f"{namespace}/esm", "-q").strip()
        assert pinned.startswith(f"{namespace}/esm@sha256:")
        assert done("pull", pinned, "out", "--quiet") == "out\n"

    def test_offline(self, done, fails, pushed):
        done("pull", pushed, "first")
        assert "first" in done("pull", pushed, "first", "--offline")
        done("--offline", "pull", pushed, "second")
        message, _ = fails("pull", f"{pushed}-x", "--offline")
        assert "is not in the cache" in message
        message, _ = fails("list", env={"ESM_REGISTRY_OFFLINE": "1"})
        assert message == "GET /v1/esms needs the registry, and this client is offline."


class TestReading:
    def test_list(self, done, pushed, namespace):
        header, row = done("list", "--space", namespace).splitlines()
        assert header.split() == [
            "reference",
            "latest",
            "task",
            "rows",
            "language",
            "licence",
            "space",
            "pushed",
            "tags",
        ]
        assert row.split()[:3] == [pushed, "1", "test/esm:"]
        assert done("list", "--space", namespace, "-q") == f"{pushed}\n"
        (esm,) = json.loads(done("list", "--space", namespace, "--json"))
        assert esm["latest"]["space"] == namespace

    def test_show(self, done, pushed):
        printed = done("show", pushed)
        assert f"reference  {pushed}@1\n" in printed
        assert "fit        ridge, held-out error 0.05 against 0.2 without a map" in printed
        assert printed.endswith("\n# esm\n")

    def test_card_cannot_steer_the_terminal(self, done, esm_directory, namespace):
        done("push", esm_directory(card="\x1b]0;owned\x07\x1b[2J"), f"{namespace}/esm")
        assert "\x1b" not in done("show", f"{namespace}/esm")

    def test_spaces(self, done, pushed, namespace):
        assert namespace in done("spaces", "-q").splitlines()
        assert "test-org/tiny-bert" in done("spaces")

    def test_whoami(self, done, registry):
        assert f"at {registry.url}, may read, rank, push and edit, no end" in done("whoami")
        assert json.loads(done("whoami", "--json"))["scope"] == "write"

    def test_version_and_help(self, done):
        assert done("--version") == f"esm-client {esm_client.__version__}\n"
        assert done() == done("--help")
        for name in ("rank", "train", "cache"):
            assert f"esm-client {name}" in done(name, "--help")


class TestCache:
    def test_ls_and_clear(self, done, pushed, tmp_path):
        done("pull", pushed, "out")
        listed = json.loads(done("cache", "ls", "--json"))
        assert [one["reference"] for one in listed["versions"]] == [f"{pushed}@1"]
        assert f"1 version, {listed['size'] / 1000:.1f} kB" in done("cache", "ls")
        pinned = done("cache", "ls", "-q").strip()
        done("pull", pinned, "again", "--offline")
        assert json.loads(done("cache", "clear", "--keep-mb", "1", "--json"))["freed"] == 0
        assert done("cache", "clear").startswith("Freed ")
        assert done("cache", "ls").startswith("0 versions")


class TestLogin:
    def test_login_whoami_logout(self, done, fails, registry, tmp_path):
        bare = {"ESM_REGISTRY_URL": "", "ESM_REGISTRY_TOKEN": ""}
        printed = done(
            "login", registry.url, "--token-stdin", stdin=f"{registry.read_token}\n", env=bare
        )
        assert printed.startswith(f"Logged in to {registry.url} as read-")
        assert registry.read_token not in printed
        path = tmp_path / "config" / "esm-registry" / "credentials.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "may read and rank" in done("whoami", env=bare)
        assert done("logout", env=bare) == f"Forgot the token for {registry.url}.\n"
        assert registry.read_token not in path.read_text()
        message, _ = fails("whoami", env=bare)
        assert message == "No registry is named."

    def test_wrong_token_is_not_stored(self, fails, registry, tmp_path):
        message, _ = fails("login", registry.url, "--token-stdin", stdin="wrong\n")
        assert message == "The server does not know this token."
        assert not (tmp_path / "config").exists()

    def test_token_is_not_shown_to_a_stranger(self, fails, start_relay):
        stranger = start_relay()
        stranger.rule = lambda asked, forward: Answer(200, b"{}")
        message, _ = fails("login", stranger.url, "--token-stdin", stdin="my-secret\n")
        assert "not as an ESM registry" in message
        assert all("authorization" not in asked.headers for asked in stranger.requests)

    @pytest.mark.process
    def test_no_terminal_to_ask(self, esm_process, registry):
        message, hint = failed(esm_process("login", registry.url))
        assert message == "There is no terminal to ask for the token."
        assert "--token-stdin" in hint

    @pytest.mark.process
    def test_hidden_prompt(self, environment, registry, tmp_path):
        primary, secondary = pty.openpty()
        process = subprocess.Popen(
            [*COMMAND, "login", registry.url],
            env=environment,
            stdin=secondary,
            stdout=secondary,
            stderr=secondary,
            start_new_session=True,
        )
        os.close(secondary)
        shown = b""
        while b"Token for" not in shown:
            shown += os.read(primary, 1000)
        while termios.tcgetattr(primary)[3] & termios.ECHO:  # input before that is thrown away
            time.sleep(0.01)
        os.write(primary, f"{registry.read_token}\n".encode())
        shown += _rest(primary)
        assert process.wait(60) == 0
        assert registry.read_token.encode() not in shown
        assert b"Logged in to" in shown


@pytest.mark.process
class TestTerminal:
    def test_colours_and_rules_only_on_a_terminal(self, environment, done, pushed, namespace):
        assert "\x1b" not in done("list", "--space", namespace)
        primary, secondary = pty.openpty()
        process = subprocess.Popen(
            [*COMMAND, "list", "--space", namespace],
            env=environment | {"COLUMNS": "120", "TERM": "xterm"},
            stdout=secondary,
            stderr=subprocess.DEVNULL,
        )
        os.close(secondary)
        shown = _rest(primary).decode()
        assert process.wait(60) == 0
        assert "───" in shown
        assert pushed in shown


def _rest(descriptor: int) -> bytes:
    """What a terminal still shows, until the other side is closed."""
    shown = b""
    while True:
        try:
            more = os.read(descriptor, 10_000)
        except OSError:  # how Linux says that the other side is closed
            more = b""
        if not more:
            os.close(descriptor)
            return shown
        shown += more
