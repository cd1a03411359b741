"""Where the cache and the logins are: as the system has it, and where earlier versions put them."""

import subprocess
import sys
from pathlib import Path

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from esm_client import Client
from esm_client.remote.cache.folders import CachedFolders
from esm_client.remote.config import folders
from esm_client.remote.config.credentials import credentials_file
from esm_client.remote.config.settings import default_cache_dir


@pytest.fixture(name="home")
def _home(tmp_path, monkeypatch) -> Path:
    """A user's own folder, and no variable that names another."""
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_on_linux_they_are_where_they_always_were(home, monkeypatch):
    monkeypatch.setattr(folders, "PlatformDirs", Unix)
    assert default_cache_dir() == home / ".cache" / "esm-registry"
    assert credentials_file() == home / ".config" / "esm-registry" / "credentials.json"


def test_variables_name_other_places(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "c"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "d"))
    assert default_cache_dir() == home / "c" / "esm-registry"
    assert credentials_file() == home / "d" / "esm-registry" / "credentials.json"
    monkeypatch.setenv("ESM_REGISTRY_CACHE", str(home / "e"))
    assert default_cache_dir() == home / "e"


def test_another_system_has_its_own_places(home, monkeypatch):
    monkeypatch.setattr(folders, "PlatformDirs", MacOS)
    assert default_cache_dir() == home / "Library" / "Caches" / "esm-registry"
    support = home / "Library" / "Application Support" / "esm-registry"
    assert credentials_file() == support / "credentials.json"


def test_but_what_is_there_is_found(home, monkeypatch, registry, esm_directory, namespace, files):
    monkeypatch.setattr(folders, "PlatformDirs", MacOS)
    (home / ".cache" / "esm-registry").mkdir(parents=True)  # by an earlier version
    with Client(registry.url, registry.write_token) as client:
        client.push(esm_directory(), f"{namespace}/esm")
        pulled = files(client.pull(f"{namespace}/esm", home / "one"))
    with Client(registry.url, offline=True) as client:
        assert files(client.pull(f"{namespace}/esm", home / "two")) == pulled
    assert not (home / "Library").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="earlier versions had no locks there")
def test_locks_are_those_of_earlier_versions(tmp_path):
    cached = CachedFolders(tmp_path)
    with cached.writing("space"):
        taken = subprocess.run(
            [sys.executable, "-c", "import fcntl, sys; fcntl.flock(open(sys.argv[1], 'ab'), 6)"]
            + [tmp_path / "space.lock"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert "BlockingIOError" in taken.stderr


def test_records_are_no_cache(home, monkeypatch):
    """What cannot be made again lies where nobody clears it."""
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setattr(folders, "PlatformDirs", Unix)
    assert folders.data_folder() == home / ".local" / "share" / "esm-registry"
    monkeypatch.setattr(folders, "PlatformDirs", MacOS)
    assert folders.data_folder() == home / "Library" / "Application Support" / "esm-registry"
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "r"))
    assert folders.data_folder() == home / "r" / "esm-registry"
