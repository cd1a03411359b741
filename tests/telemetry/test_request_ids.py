"""One name for a request: in the answer, the problem, the log and the client's error."""

import json
import time

import pytest
from support.registry import RunningRegistry

from esm_client import Client
from esm_client.core.errors import NotFound


@pytest.fixture(name="json_log", scope="module")
def _json_log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("json-log")
    running = RunningRegistry(folder, {"ESM_SERVER_LOG_FORMAT": "json"})
    yield running
    running.kill()


def lines(running):
    return [json.loads(line) for line in running.log.splitlines()]


def line_of(running, identifier):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for line in lines(running):
            if line.get("request_id") == identifier and line["event"] == "request":
                return line
        time.sleep(0.02)
    raise AssertionError(f"{identifier} is not in the log")


def test_a_sent_id_comes_back_and_is_logged(json_log):
    with json_log.client(json_log.read_token) as client:
        answer = client.get("/v1/esms/n/none?text=secret", headers={"X-Request-ID": "mine-1.a_B"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine-1.a_B"
    line = line_of(json_log, "mine-1.a_B")
    assert (line["method"], line["status"], line["path"]) == ("GET", 404, "/v1/esms/n/none")
    assert line["route"] == "/v1/esms/{namespace}/{name}"
    assert line["user"].startswith("read-")
    assert line["seconds"] > 0
    assert line["sent_bytes"] == len(answer.content)
    assert "secret" not in json_log.log
    assert json_log.read_token not in json_log.log


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "a/b", "ä".encode(), 'a"b', "a%0a"])
def test_an_id_that_does_not_fit_a_log_is_replaced(json_log, sent):
    with json_log.client() as client:
        answer = client.get("/v1", headers={"X-Request-ID": sent})
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.headers["x-request-id"].isalnum()


def test_bytes_that_came_are_counted(json_log):
    with json_log.client(json_log.read_token) as client:
        answer = client.post("/v1/rankings", json={"space": "a", "sketch": "c2VjcmV0LWJvZHk="})
    line = line_of(json_log, answer.headers["x-request-id"])
    assert line["received_bytes"] == int(answer.request.headers["content-length"])
    assert "c2VjcmV0LWJvZHk" not in json_log.log


def test_the_clients_error_carries_the_id_of_its_call(json_log):
    with Client(json_log.url, json_log.read_token) as client, pytest.raises(NotFound) as first:
        client.pull("nobody/nothing")
    with Client(json_log.url, json_log.read_token) as client, pytest.raises(NotFound) as second:
        client.pull("nobody/nothing")
    assert first.value.request_id != second.value.request_id
    assert line_of(json_log, first.value.request_id)["status"] == 404


def test_start_is_logged_and_the_level_holds_back(start_registry):
    quiet = {"ESM_SERVER_LOG_FORMAT": "json", "ESM_SERVER_LOG_LEVEL": "warning"}
    running = start_registry(env=quiet)
    with running.client() as client:
        client.get("/v1")
    assert running.stop() == 0
    assert lines(running) == []
    spoken = start_registry(running.data_dir, {**quiet, "ESM_SERVER_LOG_LEVEL": "info"})
    assert spoken.stop() == 0
    assert [line["event"] for line in lines(spoken)] == ["start", "stopping", "stop"]


@pytest.mark.process
def test_a_level_that_there_is_not(registry, tmp_path, monkeypatch):
    registry_env = {**registry._env, "ESM_SERVER_LOG_LEVEL": "loud"}
    monkeypatch.setattr(registry, "_env", registry_env)
    result = registry.run_process("serve", "--port", "0", data_dir=tmp_path / "other")
    assert result.returncode == 1
    assert "ESM_SERVER_LOG_LEVEL" in result.stderr
