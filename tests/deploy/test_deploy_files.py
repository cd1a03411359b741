"""What is deployed: real settings, no secrets, hardened, and stopped in time."""

import itertools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from esm_server.runner import LAST_SECONDS, free_port
from esm_server.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMING = {
    f"S3_{name}"
    for name in (
        "ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY", "REGION", "PREFIX", "CA_FILE",
        "PUBLIC_ENDPOINT",
    )
}  # fmt: skip
TEXTS = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml*"))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_setting_is_real(path):
    named = set(re.findall(r"ESM_SERVER_([A-Z0-9_]+)", path.read_text()))
    real = {name.upper() for name in Settings.model_fields}
    assert named - real - COMING == set()


@pytest.mark.parametrize("path", [*DEPLOY.rglob("*.y*ml")], ids=lambda path: path.name)
def test_yaml_is_yaml(path):
    assert list(yaml.safe_load_all(path.read_text()))


class TestCompose:
    @pytest.fixture(name="compose")
    def _compose(self):
        return yaml.safe_load((DEPLOY / "compose.yaml").read_text())

    def test_what_is_published_is_on_loopback(self, compose):
        ports = {name: s["ports"] for name, s in compose["services"].items() if "ports" in s}
        assert set(ports) == {"proxy", "grafana"}
        assert all(port.startswith("127.0.0.1:") for one in ports.values() for port in one)

    def test_every_service_is_pinned_and_has_a_health_check(self, compose):
        for name, service in compose["services"].items():
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert service["restart"] == "unless-stopped", name
            if "image" in service:
                tag = service["image"].rpartition(":")[2]
                assert re.search(r"\d+\.\d+", tag), service["image"]

    def test_secrets_come_from_the_env_file_and_have_no_default(self, compose):
        text = (DEPLOY / "compose.yaml").read_text()
        used = set(re.findall(r"\$\{([A-Z0-9_]+)", text))
        listed = dict(
            re.findall(r"^([A-Z0-9_]+)=(.*)$", (DEPLOY / "compose.env.example").read_text(), re.M)
        )
        assert used == set(listed)
        assert set(listed.values()) == {""}
        assert re.findall(r"\$\{[A-Z0-9_]+:-[^}]+\}", text) == []
        for service in compose["services"].values():
            for key, value in service.get("environment", {}).items():
                if re.search("PASSWORD|SECRET|TOKEN|ACCESS_KEY", key):
                    assert value.startswith("${"), key

    def test_files_and_volumes_that_are_mounted_exist(self, compose):
        for service in compose["services"].values():
            for volume in service.get("volumes", ()):
                source = volume.partition(":")[0]
                known = source in compose["volumes"]
                assert known or (DEPLOY / source).exists(), volume

    def test_the_grace_period_covers_the_stop(self, compose):
        server = compose["services"]["server"]
        grace = int(server["stop_grace_period"].removesuffix("s"))
        assert grace >= float(server["environment"]["ESM_SERVER_STOP_SECONDS"]) + LAST_SECONDS
        assert server["read_only"] is True

    def test_what_compose_copies_in_is_never_empty_nor_for_a_read_only_container(self, compose):
        inline = {name: c["content"] for name, c in compose["configs"].items() if "content" in c}
        for content in inline.values():
            assert re.sub(r"\$\{[A-Z0-9_]+:-\}", "", content) != ""
        for name, service in compose["services"].items():
            if any(config["source"] in inline for config in service.get("configs", ())):
                assert not service.get("read_only"), name

    def test_the_schema_takes_it(self, compose):
        spec = pytest.importorskip("compose_spec")
        parsed = spec.PyCompose.from_yaml(yaml.safe_dump(compose))  # anchors resolved
        assert parsed is not None


class TestDockerfile:
    @pytest.fixture(name="lines")
    def _lines(self):
        text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    def test_is_not_root_and_in_exec_form(self, lines):
        last = max(index for index, line in enumerate(lines) if line.startswith("FROM"))
        final = lines[last:]
        (user,) = [line for line in final if line.startswith("USER")]
        assert user.split()[1].split(":")[0] not in ("root", "0")
        (command,) = [line for line in final if line.startswith("CMD")]
        assert command.startswith('CMD ["esm-server", "serve"')

    def test_is_pinned_and_copies_named_things_alone(self, lines):
        assert [line for line in lines if line.startswith("ADD")] == []
        for line in lines:
            if line.startswith("COPY") and "--from" not in line:
                for name in line.split()[1:-1]:
                    assert (ROOT / name).exists(), line
        assert all(":" in line.split()[1] for line in lines if line.startswith("FROM"))
        assert any("torch==2.13.0" in line for line in lines)
        assert any("-c constraints.txt" in line for line in lines)

    def test_context_leaves_out_all_but_what_is_copied(self, lines):
        ignored = (ROOT / ".dockerignore").read_text().splitlines()
        kept = {line[1:] for line in ignored if line.startswith("!")}
        copied = {
            name for line in lines if line.startswith("COPY") and "--from" not in line
            for name in line.split()[1:-1]
        }  # fmt: skip
        assert ignored[0] == "*"
        assert kept == copied


class TestKubernetes:
    @pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
    def test_the_schema_takes_it(self, path):
        validate = pytest.importorskip("kubernetes_validate")
        for document in yaml.safe_load_all(path.read_text()):
            validate.validate(document, "1.31", strict=True)

    def test_one_restricted_replica_that_has_time_to_stop(self):
        server = yaml.safe_load((DEPLOY / "kubernetes" / "server.yaml").read_text())
        assert server["spec"]["replicas"] == 1
        pod = server["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        restricted = container["securityContext"]
        assert restricted["readOnlyRootFilesystem"] is True
        assert restricted["allowPrivilegeEscalation"] is False
        assert restricted["capabilities"] == {"drop": ["ALL"]}
        env = {entry["name"]: entry["value"] for entry in container["env"]}
        needed = float(env["ESM_SERVER_STOP_SECONDS"]) + LAST_SECONDS
        assert pod["terminationGracePeriodSeconds"] >= needed

    def test_names_fit_together_and_the_secret_is_empty(self):
        documents = [d for p in MANIFESTS for d in yaml.safe_load_all(p.read_text())]
        kinds = {d["kind"]: d for d in documents}
        assert set(kinds) == {
            "StatefulSet", "Service", "Secret", "PersistentVolumeClaim", "PodDisruptionBudget",
            "NetworkPolicy",
        }  # fmt: skip
        assert set(kinds["Secret"]["stringData"].values()) == {""}
        labels = kinds["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
        assert kinds["Service"]["spec"]["selector"] == labels
        for kind, key in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
            assert kinds[kind]["spec"][key]["matchLabels"] == labels
        text = (DEPLOY / "kubernetes" / "server.yaml").read_text()
        assert f"claimName: {kinds['PersistentVolumeClaim']['metadata']['name']}" in text
        assert f"secretRef: {{name: {kinds['Secret']['metadata']['name']}}}" in text


TARGET = "Environment=TARGET=/var/backups/esm-registry"


class TestUnit:
    UNIT = DEPLOY / "esm-server.service"

    def test_its_command_serves_and_stops(self, tmp_path):
        text = self.UNIT.read_text()
        command = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)[1].split()
        assert command[0] == "/opt/esm-registry/bin/esm-server"
        port = str(free_port("127.0.0.1"))
        command = [port if word == "8321" else word for word in command[1:]]
        env = {key: value for key, value in os.environ.items() if not key.startswith("ESM_")}
        env["ESM_SERVER_DATA_DIR"] = str(tmp_path / "data")
        env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        running = subprocess.Popen(
            [sys.executable, "-m", "esm_server.cli", *command], env=env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    url = f"http://127.0.0.1:{port}/health/ready"
                    assert httpx.get(url, trust_env=False).status_code == 200
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            running.send_signal(signal.SIGTERM)
            assert running.wait(60) == 0
        finally:
            running.kill()

    def test_it_waits_for_the_stop(self):
        seconds = int(re.search(r"^TimeoutStopSec=(\d+)$", self.UNIT.read_text(), re.M)[1])
        assert seconds >= Settings.model_fields["stop_seconds"].default + LAST_SECONDS

    @pytest.mark.parametrize(
        "name",
        [
            "esm-server.service",
            "esm-server-backup.timer",
            "esm-server-gc.timer",
            "esm-server-revocations.timer",
        ],
    )
    def test_systemd_takes_it(self, tmp_path, name):
        if shutil.which("systemd-analyze") is None:
            pytest.skip("systemd-analyze is not installed")
        for path in DEPLOY.glob("*.service"), DEPLOY.glob("*.timer"):
            for unit in path:
                text = unit.read_text()
                text = text.replace("/opt/esm-registry/bin/esm-server", sys.executable)
                (tmp_path / unit.name).write_text(text.replace("User=esm-registry", "User=root"))
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "esm-server" not in done.stderr
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        ("name", "command", "more"),
        [
            ("esm-server-backup", ["backup", "${TARGET}", "--keep", "30"], {TARGET}),
            ("esm-server-gc", ["gc"], set()),
            ("esm-server-revocations", ["backup", "${TARGET}", "--revocations-only"], {TARGET}),
        ],
    )
    def test_what_a_timer_runs_is_a_command(self, name, command, more):
        text = (DEPLOY / f"{name}.service").read_text()
        words = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)[1].split()
        assert words[1:] == command
        ours = {line for line in text.splitlines() if line.startswith(("User=", "Environment"))}
        theirs = set(self.UNIT.read_text().splitlines())
        assert ours - theirs == more


class TestCommandsBesideTheUnit:
    """deploy/esm-server.sh, as far as it goes without a running systemd."""

    SCRIPT = DEPLOY / "esm-server.sh"

    @pytest.fixture(name="words")
    def _words(self):
        (line,) = re.findall(r"^exec .*", self.SCRIPT.read_text().replace("\\\n", " "), re.M)
        return shlex.split(line)

    def test_they_run_with_what_the_unit_sets(self, words):
        unit = TestUnit.UNIT.read_text().splitlines()
        given = [word for flag, word in itertools.pairwise(words) if flag == "-p"]
        kinds = (
            "User", "Environment", "EnvironmentFile", "StateDirectory", "StateDirectoryMode",
            "UMask",
        )  # fmt: skip
        assert sorted(given) == sorted(line for line in unit if line.partition("=")[0] in kinds)
        assert {line.partition("=")[0] for line in given} == set(kinds)
        program = re.search(r"^ExecStart=(\S+) serve", TestUnit.UNIT.read_text(), re.M)[1]
        assert words[-2:] == ["${VENV:-/opt/esm-registry}/bin/esm-server", "$@"]
        assert program == "/opt/esm-registry/bin/esm-server"

    def test_the_unit_tells_how_to_install_it(self):
        text = TestUnit.UNIT.read_text()
        source, target = re.search(r"^#   install -m 755 (\S+) (\S+)$", text, re.M).groups()
        assert ROOT / source == self.SCRIPT
        assert f"#   {target} token create --user admin --scope admin\n" in text
        assert target in (ROOT / "docs" / "operations.md").read_text()
