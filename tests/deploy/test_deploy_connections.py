"""What is deployed about connections: deadlines, open files, and whose addresses are believed."""

import re
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml

from esm_server.connections.files import MOST_CONNECTIONS, MOST_FILES
from esm_server.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
HEAD_SECONDS = Settings.model_fields["head_seconds"].default
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


@pytest.fixture(name="caddyfile")
def _caddyfile():
    return (DEPLOY / "Caddyfile").read_text()


def seconds(caddyfile, name):
    number, unit = re.search(rf"^\s*{name} (\d+)(ms|s|m|h)$", caddyfile, re.MULTILINE).groups()
    return int(number) * UNITS[unit]


def test_the_proxy_streams_and_keeps_metrics_private(caddyfile):
    assert "flush_interval -1" in caddyfile
    (rule,) = re.findall(r"^\s*@operator path (.*)$", caddyfile, re.MULTILINE)
    assert rule.split() == ["/metrics", "/metrics/*"]
    assert caddyfile.count("{") == caddyfile.count("}")
    largest = int(re.search(r"max_size (\d+)GiB", caddyfile)[1])
    assert largest * 2**30 > Settings.model_fields["max_source_model_bytes"].default


def test_the_proxy_has_a_deadline_for_everything(caddyfile):
    assert seconds(caddyfile, "read_header") <= HEAD_SECONDS
    largest = Settings.model_fields["max_source_model_bytes"].default
    for name in ("read_body", "write"):
        assert largest / seconds(caddyfile, name) < 2**20, "a megabyte a second must do"
    assert seconds(caddyfile, "idle") < 600


def test_the_proxy_ends_idle_connections_before_the_server_does(caddyfile):
    assert seconds(caddyfile, "keepalive") < HEAD_SECONDS


class TestCompose:
    @pytest.fixture(name="compose")
    def _compose(self):
        return yaml.safe_load((DEPLOY / "compose.yaml").read_text())

    def test_the_network_of_the_proxy_alone_is_believed(self, compose):
        believed = compose["services"]["server"]["environment"]["ESM_SERVER_TRUSTED_PROXIES"]
        (subnet,) = compose["networks"]["front"]["ipam"]["config"]
        assert Settings(trusted_proxies=believed).proxies == (ip_network(subnet["subnet"]),)
        assert compose["services"]["proxy"]["networks"] == ["front"]

    def test_there_are_files_for_all_connections(self, compose):
        for name in ("server", "proxy"):
            assert compose["services"][name]["ulimits"]["nofile"] >= MOST_FILES


def test_the_unit_may_open_files_for_all_connections():
    text = (DEPLOY / "esm-server.service").read_text()
    files = int(re.search(r"^LimitNOFILE=(\d+)$", text, re.MULTILINE)[1])
    assert files >= MOST_FILES
    assert files * 3 // 4 >= MOST_CONNECTIONS


def test_kubernetes_names_a_network():
    server = yaml.safe_load((DEPLOY / "kubernetes" / "server.yaml").read_text())
    (container,) = server["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert len(Settings(trusted_proxies=env["ESM_SERVER_TRUSTED_PROXIES"]).proxies) == 1


@pytest.mark.parametrize("path", ["compose.yaml", "env.example", "Caddyfile", "esm-server.service"])
def test_every_way_tells_of_trusted_proxies(path):
    assert "ESM_SERVER_TRUSTED_PROXIES" in (DEPLOY / path).read_text()
