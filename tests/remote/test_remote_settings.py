"""Where settings come from, and how tokens are kept."""

import os
import stat
from pathlib import Path

import pytest

from esm_client import Client
from esm_client.core.errors import InvalidInput
from esm_client.remote.config.credentials import (
    OpenCredentialsWarning,
    credentials_file,
    forget_token,
    read_credentials,
    store_token,
)
from esm_client.remote.config.settings import resolve_settings

HOME, WORK = "https://home.example", "https://work.example/registry"


@pytest.fixture(name="stored")
def _stored() -> Path:
    path = credentials_file()
    store_token(path, WORK, "work-token")
    store_token(path, HOME, "home-token")
    return path


class TestResolve:
    def test_arguments_win(self, stored, monkeypatch, tmp_path):
        monkeypatch.setenv("ESM_REGISTRY_URL", WORK)
        monkeypatch.setenv("ESM_REGISTRY_TOKEN", "env-token")
        settings = resolve_settings("http://a.example/", "arg-token", cache_dir=tmp_path / "c")
        assert (settings.url, settings.token) == ("http://a.example", "arg-token")
        assert settings.cache_dir == tmp_path / "c"

    def test_then_the_environment(self, stored, monkeypatch, tmp_path):
        monkeypatch.setenv("ESM_REGISTRY_URL", "http://env.example/v1/")
        monkeypatch.setenv("ESM_REGISTRY_TOKEN", "env-token")
        monkeypatch.setenv("ESM_REGISTRY_CACHE", str(tmp_path / "c"))
        monkeypatch.setenv("ESM_REGISTRY_OFFLINE", "true")
        settings = resolve_settings()
        assert (settings.url, settings.token) == ("http://env.example", "env-token")
        assert settings.cache_dir == tmp_path / "c"
        assert settings.offline

    def test_then_the_login(self, stored):
        settings = resolve_settings()
        assert (settings.url, settings.token) == (HOME, "home-token")

    def test_a_stored_token_goes_to_its_own_registry_only(self, stored):
        assert resolve_settings(WORK).token == "work-token"
        assert resolve_settings("https://evil.example").token is None
        assert resolve_settings("https://work.example").token is None

    def test_nothing_named(self):
        with pytest.raises(InvalidInput, match="No registry is named") as caught:
            Client()
        assert caught.value.hint == "Pass `base_url`, or set ESM_REGISTRY_URL."
        assert caught.value.parameters == ("base_url",)
        assert caught.value.facts == {"variable": "ESM_REGISTRY_URL"}

    @pytest.mark.parametrize(
        "url",
        ["registry", "ftp://a.example", "http://", "http://a:99999", "http://a.example?x=1", "//a"],
    )
    def test_bad_address(self, url):
        with pytest.raises(InvalidInput):
            Client(url)

    def test_secret_in_the_address_is_not_repeated(self):
        with pytest.raises(InvalidInput) as caught:
            Client("https://me:hunter2@a.example")
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("token", ["two words", "line\nbreak", "ünïcode", " "])
    def test_bad_token_is_not_repeated(self, token):
        with pytest.raises(InvalidInput) as caught:
            Client(HOME, token)
        assert token.strip() == "" or token not in str(caught.value)

    @pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
    def test_bad_timeout(self, timeout):
        with pytest.raises(InvalidInput):
            Client(HOME, timeout=timeout)

    def test_bad_switch(self, monkeypatch):
        monkeypatch.setenv("ESM_REGISTRY_OFFLINE", "maybe")
        with pytest.raises(InvalidInput, match="ESM_REGISTRY_OFFLINE is 'maybe'"):
            Client(HOME)

    def test_missing_certificate_file(self, tmp_path):
        with pytest.raises(InvalidInput, match="does not exist"):
            Client(HOME, ca_file=tmp_path / "nothing.pem")

    def test_reprs_hold_no_token(self):
        assert "secret" not in repr(resolve_settings(HOME, "secret-token"))
        assert repr(Client(HOME, "secret-token")) == f"Client('{HOME}')"


class TestCredentials:
    @pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
    def test_only_the_owner_may_read_it(self, stored):
        before = os.umask(0)
        try:
            store_token(stored, HOME, "another-token")
        finally:
            os.umask(before)
        assert stat.S_IMODE(stored.stat().st_mode) == 0o600
        assert stat.S_IMODE(stored.parent.stat().st_mode) == 0o700
        assert list(stored.parent.iterdir()) == [stored]

    @pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
    def test_an_open_file_is_warned_of_and_closed_by_the_next_login(self, stored):
        stored.chmod(0o644)
        with pytest.warns(OpenCredentialsWarning, match="chmod 600"):
            assert read_credentials(stored).default == HOME
        with pytest.warns(OpenCredentialsWarning):
            store_token(stored, HOME, "home-token")
        assert stat.S_IMODE(stored.stat().st_mode) == 0o600

    def test_forget(self, stored):
        assert forget_token(stored, None) == HOME
        assert forget_token(stored, None) is None
        assert read_credentials(stored).tokens == {WORK: "work-token"}
        assert forget_token(stored, WORK) == WORK

    def test_damaged_file_says_so_without_its_content(self, stored):
        stored.write_text('{"tokens": "secret-token"')
        with pytest.raises(InvalidInput, match="is damaged") as caught:
            resolve_settings()
        assert "secret-token" not in str(caught.value)
        assert caught.value.__cause__ is None
        store_token(stored, HOME, "new-token")
        assert resolve_settings().token == "new-token"

    def test_repr(self, stored):
        assert "token'" not in repr(read_credentials(stored))
        assert "home-token" not in repr(read_credentials(stored))
