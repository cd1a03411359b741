"""The process: first start, kill, restart, ports."""

import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_first_start_prints_one_token_and_later_ones_none(start_registry):
    running = start_registry(first_start=True)
    line = next(line for line in running.output.splitlines() if "esmr_" in line)
    token = line.rsplit(" ", 1)[1]
    with running.client(token) as client:
        assert client.get("/v1/whoami").json()["scope"] == "admin"
    assert running.stop() == 0
    again = start_registry(running.data_dir)
    assert "esmr_" not in again.output + again.log
    with again.client(token) as client:
        assert client.get("/v1/whoami").status_code == 200


def test_a_token_of_a_new_registry_says_where_it_is(registry, tmp_path):
    words = ("token", "create", "--user", "anna", "--scope", "read", "--name")
    first, second = (
        registry.run_command(*words, name, data_dir=tmp_path / "new") for name in ("one", "two")
    )
    assert first.stderr == f"The first token of a new registry in {tmp_path}/new.\n"
    assert (first.returncode, second.returncode, second.stderr) == (0, 0, "")
    assert first.stdout.startswith("esmr_")


def test_kill_loses_nothing_acknowledged(start_registry, push, esm_directory):
    running = start_registry()
    version = push(esm_directory("kept"), "n/kept", server=running).json()
    running.kill()
    again = start_registry(running.data_dir)
    with again.client(again.read_token) as client:
        assert client.get("/v1/esms/n/kept/versions/latest").json() == version
        content = client.get("/v1/esms/n/kept/versions/latest/files/model.safetensors").content
    assert len(content) == version["manifest"]["files"]["model.safetensors"]["size"]


def test_kill_leaves_nothing_listening(start_registry):
    running = start_registry()
    assert children(running.pid) == []
    url = httpx.URL(running.url)
    running.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.host, url.port), timeout=5)


def test_listens_on_loopback_alone(registry):
    port = httpx.URL(registry.url).port
    listening = [
        line.split()[1]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    ]
    assert listening == [f"0100007F:{port:04X}"]


@pytest.mark.process
def test_busy_port(registry, tmp_path):
    port = httpx.URL(registry.url).port
    result = registry.run_process("serve", "--port", str(port), data_dir=tmp_path / "other")
    assert result.returncode == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in result.stderr
    assert result.stderr.endswith("\n  Choose another --port.\n")
    assert "Traceback" not in result.stderr


@pytest.mark.process
def test_second_server_on_the_same_data(registry):
    result = registry.run_process("serve", "--port", "0")
    assert result.returncode == 1
    assert "Another esm-server uses" in result.stderr
    assert result.stderr.endswith("\n  Stop it, or name another --data-dir.\n")


BUSY_LOOP = """
import asyncio, os, signal
from contextlib import suppress
from esm_server.runner import _asked_to_stop

async def main():
    asked = _asked_to_stop()
    with suppress(BlockingIOError):
        while True:
            asyncio.get_running_loop()._csock.send(bytes(4096))
    os.kill(os.getpid(), getattr(signal, NAME))
    await asyncio.wait_for(asked.wait(), 20)
    print("asked")

asyncio.run(main())
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_it_is_asked_to_stop_however_often_its_loop_is_woken(name):
    """As by thousands of connections at once: asyncio's own handlers lose the signal then."""
    code = BUSY_LOOP.replace("NAME", repr(name))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "asked\n"), ended.stderr
