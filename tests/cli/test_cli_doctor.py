"""`esm-client doctor` as a user runs it."""

import json

import pytest
from support.base_models import BOTH as BOTH_MODELS

from esm_server.runner import free_port


@pytest.mark.parametrize("base_model", BOTH_MODELS, indirect=True)
def test_all_is_well(done, base_model):
    printed = done("doctor", "--base-model", base_model)
    assert printed.splitlines()[-1] == "All is well."
    assert "✓ base model" in printed
    assert done("doctor", "-q") == ""


def test_what_is_broken_is_named_with_its_fix(esm):
    url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    result = esm("doctor", "--url", url, "--timeout", "2")
    assert result.returncode == 1
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("✗ TCP"))
    assert "Connection refused" in lines[place]
    assert lines[place + 1].strip().startswith("Check the address and port")
    assert lines[-1] == "1 failed"
    assert esm("doctor", "--url", url, "-q").stdout == "TCP\n"
    checks = json.loads(esm("doctor", "--url", url, "--json").stdout)
    assert [check["name"] for check in checks if check["state"] == "failed"] == ["TCP"]


def test_who_has_no_token_is_given_the_command_that_stores_one(esm, registry):
    told = esm("doctor", "--json", env={"ESM_REGISTRY_TOKEN": ""})
    token = next(check for check in json.loads(told.stdout) if check["name"] == "token")
    assert token == {
        "name": "token", "state": "failed",
        "found": "No token is set or stored for this registry.",
        "fix": f"Run: esm-client login {registry.url}",
    }  # fmt: skip


def test_no_registry_and_a_wrong_base_model(esm):
    result = esm("doctor", "--base-model", "nowhere", env={"ESM_REGISTRY_URL": ""})
    assert result.returncode == 1
    assert "✗ address      No registry is named." in result.stdout
    assert "✗ base model   There is no folder 'nowhere'" in result.stdout


def test_a_timeout_that_is_none(fails):
    message, _ = fails("list", env={"ESM_REGISTRY_TIMEOUT": "soon"})
    assert message == "ESM_REGISTRY_TIMEOUT is 'soon'."
