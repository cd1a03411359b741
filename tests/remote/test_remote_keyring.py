"""Tokens in a real keyring back end, a file in a temporary directory."""

import stat
import subprocess
import sys

import pytest

from esm_client.remote.config.credentials import credentials_file, read_credentials, store_token
from esm_client.remote.config.settings import resolve_settings

pytestmark = pytest.mark.process

URL = "https://registry.example.org"
CODE = """
import sys
from esm_client.remote.config.credentials import credentials_file, forget_token, store_token
from esm_client.remote.config.settings import resolve_settings
print(store_token(credentials_file(), "https://registry.example.org", "esmr_ring"))
print(resolve_settings().token)
print("esmr_ring" in credentials_file().read_text())
print(forget_token(credentials_file(), None))
print(resolve_settings("https://registry.example.org").token)
"""


def run(tmp_path, backend):
    environment = {
        "PYTHON_KEYRING_BACKEND": backend,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "HOME": str(tmp_path),
        "PYTHONPATH": ":".join(sys.path),
    }
    result = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split(), result.stderr


def test_token_lies_in_the_keyring_alone(tmp_path):
    pytest.importorskip("keyrings.alt")
    words, _ = run(tmp_path, "keyrings.alt.file.PlaintextKeyring")
    assert words == ["True", "esmr_ring", "False", URL, "None"]


@pytest.mark.parametrize(
    "backend", ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring"]
)
def test_without_a_keyring_the_file_holds_it(tmp_path, backend):
    words, _ = run(tmp_path, backend)
    assert words == ["False", "esmr_ring", "True", URL, "None"]


def test_file_is_the_owners_alone_and_remembers_certificates(tmp_path):
    (tmp_path / "ca.pem").write_text("x")
    path = credentials_file()
    assert not store_token(path, URL, "esmr_a", ca_file=tmp_path / "ca.pem", keyring=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "esmr_a" not in repr(read_credentials(path))
    settings = resolve_settings()
    assert (settings.token, settings.ca_file) == ("esmr_a", tmp_path / "ca.pem")
