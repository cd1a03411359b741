"""Every error is two lines, what was wrong and what to do, and an exit code."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.commands import COMMAND, failed
from support.relay import Answer

MODEL = "model.safetensors"


class TestServer:
    def test_wrong_token(self, fails):
        assert fails("whoami", env={"ESM_REGISTRY_TOKEN": "wrong"}) == (
            "The server does not know this token.",
            "Check it for missing characters, or ask the server's admin for a new one.",
        )

    def test_no_token(self, fails):
        message, hint = fails("whoami", env={"ESM_REGISTRY_TOKEN": ""})
        assert "token" in message
        assert hint

    def test_no_right(self, fails, registry, esm_directory, namespace):
        message, hint = fails(
            "push", esm_directory(), f"{namespace}/x",
            env={"ESM_REGISTRY_TOKEN": registry.read_token},
        )  # fmt: skip
        assert message == "The token 'default' has the scope 'read'; this needs 'write'."
        assert hint.startswith("Use a token with that scope: esm-client token create")

    def test_unknown_reference(self, fails):
        assert fails("pull", "nobody/nothing") == (
            "There is no ESM named 'nobody/nothing'.",
            "List what there is with: esm-client list",
        )

    def test_unknown_space(self, fails, arrays):
        message, _ = fails(
            "rank", "--embeddings", arrays[0], "--labels", arrays[1], "--space", "no-space"
        )
        assert "'no-space'" in message

    def test_wrong_space(self, fails, esm_directory, pushed, namespace):
        other = esm_directory("other", space_seed=5)
        message, hint = fails("push", other, f"{namespace}/other", "--space", namespace)
        assert message.startswith(f"These embeddings are not of the space '{namespace}': canary")
        assert hint.startswith("Use the base model test-org/tiny-bert at revision main with mean")

    def test_wrong_dimension(self, fails, arrays, pushed, namespace):
        np.save(arrays[0], np.load(arrays[0])[:, :5])
        result = fails_after_notes(fails, arrays, namespace)
        assert result[0] == f"The sketch has 5 dimensions, the space '{namespace}' has 16."

    def test_down(self, fails):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            assert fails("list", "--url", url) == (
                f"Connection refused: {url}.",
                "Check the address and port (--url or ESM_REGISTRY_URL) and that the server runs.",
            )

    def test_not_ours(self, fails):
        class Quiet(SimpleHTTPRequestHandler):
            def log_message(self, *arguments):
                """Nothing to the test's output."""

        server = HTTPServer(("127.0.0.1", 0), Quiet)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            assert fails("login", url, "--token-stdin", stdin="t") == (
                f"{url}/v1 answered, but not as an ESM registry (status 404 with text/html).",
                "Check the address and the port (--url or ESM_REGISTRY_URL).",
            )
        finally:
            server.shutdown()
            server.server_close()

    def test_tampered_download(self, fails, start_relay, registry, pushed, tmp_path):
        relay = start_relay(registry.url)

        def flip(asked, forward):
            answer = forward()
            return answer.with_body(b"x" * len(answer.body)) if MODEL in asked.path else answer

        relay.rule = flip
        message, hint = fails("pull", pushed, "out", "--url", relay.url)
        assert re.fullmatch(
            rf"model.safetensors of {pushed} arrived with sha256:\w{{64}}, not sha256:\w{{64}}\.",
            message,
        )
        assert hint.startswith("Something on the way or on the server changed it.")
        assert not (tmp_path / "out").exists()

    def test_a_server_that_failed_is_told_of_by_request_id(self, fails, start_relay):
        relay = start_relay()
        body = (
            b'{"title":"t","status":500,"detail":"It failed.","code":"server-fault",'
            b'"hint":"Tell the operator.","request_id":"r-77"}'
        )
        relay.rule = lambda asked, forward: Answer(500, body)
        assert fails("whoami", "--url", relay.url) == (
            "It failed.",
            "Tell the operator. (request id r-77)",
        )

    def test_hostile_words_cannot_steer_the_terminal(self, fails, start_relay):
        relay = start_relay()
        body = (
            b'{"title":"t","status":403,"detail":"a\\u001b[2Jb\\nc","code":"forbidden","hint":"h"}'
        )
        relay.rule = lambda asked, forward: Answer(403, body)
        assert fails("whoami", "--url", relay.url) == ("a\N{REPLACEMENT CHARACTER}[2Jb c", "h")


def fails_after_notes(fails, arrays, namespace):
    """Quiet leaves the note about the target out, so that two lines remain."""
    return fails(
        "rank", "--embeddings", arrays[0], "--labels", arrays[1], "--space", namespace, "-q"
    )


class TestDirectory:
    @pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pkl", "model.pt"])
    def test_pickle(self, fails, esm_directory, namespace, name):
        directory = esm_directory()
        (directory / name).write_bytes(b"\x80\x04")
        assert fails("push", directory, f"{namespace}/x") == (
            f"'{name}' may run code when it is read (pickle), so it is refused.",
            f"Save the map as {MODEL} with the safetensors library and remove this file.",
        )

    def test_nan_weights(self, fails, esm_directory, namespace):
        directory = esm_directory()
        weight = np.eye(16, dtype=np.float32)
        weight[3, 4] = np.nan
        save_file(
            {"model.weight": weight, "model.bias": np.zeros(16, np.float32)}, directory / MODEL
        )
        assert fails("push", directory, f"{namespace}/x") == (
            f"The weight of {MODEL} holds 1 NaN or infinite numbers.",
            "Train the ESM again; a smaller learning rate usually helps.",
        )

    def test_no_directory(self, fails, namespace):
        assert fails("push", "nowhere", f"{namespace}/x") == (
            "nowhere is not a directory.",
            "Name the directory that holds config.json.",
        )

    def test_destination_in_use(self, fails, pushed, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.txt").write_text("")
        assert fails("pull", pushed, "out") == (
            "out exists already and holds something else.",
            "Choose another destination, or remove it.",
        )

    def test_full_disk(self, fails, pushed, tmp_path):
        small = tmp_path / "small"
        small.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(small)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a tmpfs")
        try:
            message, hint = fails("pull", pushed, "small/out")
            assert message.startswith("There is no room left on the disk of small/")
            assert hint == "Free some space and try again."
            assert list(small.iterdir()) == []
            message, _ = fails("pull", pushed, "out", env={"ESM_REGISTRY_CACHE": str(small / "c")})
            assert message.startswith(f"There is no room left on the disk of {small}/c")
            assert not (tmp_path / "out").exists()
        finally:
            subprocess.run(["umount", str(small)], check=True)
            shutil.rmtree(small)


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "message", "hint"),
        [
            (["frobnicate"], "No such command 'frobnicate'.", "esm-client --help"),
            (["pull"], "Missing argument 'REFERENCE'.", "esm-client pull --help"),
            (["list", "--space"], "Option '--space' requires an argument.", "esm-client"),
            (["list", "--jsno"], "No such option: --jsno", "esm-client list --help"),
            (
                ["rank"],
                "Invalid value: Give --space, or --pack with a pulled one.",
                "esm-client rank --help",
            ),
            (
                ["rank", "--space", "s"],
                "Invalid value: Give DATA, or --embeddings together with --labels.",
                "esm-client",
            ),
            (
                ["rank", "--space", "s", "--top", "0", "x"],
                "Invalid value for '--top'",
                "esm-client",
            ),
            (["train", "data.csv"], "Missing option '--base-model'.", "esm-client train --help"),
            (["cache"], "Missing command.", "esm-client cache --help"),
        ],
    )
    def test_exits_with_two(self, fails, arguments, message, hint):
        shown = fails(*arguments, code=2)
        assert shown[0].startswith(message)
        assert shown[1].startswith(hint)

    @pytest.mark.parametrize("reference", ["no-slash", "a/b@", "a/b@sha256:12", "A/B", "a/../b"])
    def test_bad_reference(self, fails, reference):
        message, hint = fails("pull", reference)
        assert (
            message.startswith(repr(reference)) or "is not a legal" in message or "@" in reference
        )
        assert hint

    def test_no_registry(self, fails):
        assert fails("list", env={"ESM_REGISTRY_URL": ""}) == (
            "No registry is named.",
            "Set ESM_REGISTRY_URL, or run: esm-client login URL",
        )


class TestDebug:
    def test_traceback_only_when_asked_for(self, esm):
        result = esm("pull", "nobody/nothing", "--debug")
        assert result.returncode == 1
        assert "Traceback" in result.stderr
        assert "error: There is no ESM" in result.stderr
        result = esm("--debug", "pull", "nobody/nothing")
        assert "Traceback" in result.stderr

    def test_no_token_in_a_traceback(self, esm, registry):
        result = esm("pull", "nobody/nothing", "--debug")
        assert registry.write_token not in result.stderr

    @pytest.mark.process
    def test_unexpected_error(self, esm_process, environment, tmp_path):
        broken = tmp_path / "broken"
        (broken / "httpx").mkdir(parents=True)
        (broken / "httpx" / "__init__.py").write_text("raise RuntimeError('out of luck')")
        path = os.pathsep.join([str(broken), environment["PYTHONPATH"]])
        assert failed(esm_process("whoami", env={"PYTHONPATH": path})) == (
            "Something unexpected happened: RuntimeError: out of luck",
            "Run the same command again with --debug and report what it prints.",
        )


def test_a_negative_number_is_no_option(fails):
    message, hint = fails("report-outcome", "0" * 32, "none", "-2.5", code=2)
    assert message == "No such option: -2"
    assert hint.endswith("behind --, as in: esm-client report-outcome ... -- -0.5")


@pytest.mark.process
class TestInterrupted:
    def test_ctrl_c(self, environment):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            process = subprocess.Popen(
                [*COMMAND, "whoami", "--url", url],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # a test run in the background ignores SIGINT, and so would its children
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert errors == "interrupted\n"

    def test_reader_that_leaves(self, environment):
        process = subprocess.Popen(
            [*COMMAND, "rank", "--help"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.stdout.close()
        errors = process.stderr.read()
        process.stderr.close()
        assert process.wait(60) in (1, 141)  # 1 where the command line library saw it first
        assert errors == ""
