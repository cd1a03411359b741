"""What interrupted uploads left is swept, beside a running server too, and nothing else is."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from esm_client.core.artifact.manifest import digest_bytes
from esm_server.settings import Settings
from esm_server.storage.choice import open_store
from esm_server.storage.incoming import LATELY

OWNER = "somebody"
DIGEST = digest_bytes(b"whole")


@pytest.fixture(name="store")
def _store(tmp_path):
    store = open_store(Settings(data_dir=tmp_path))
    store.prepare()
    return store


@pytest.fixture(name="old")
def _old(store):
    """An upload that was begun too long ago, and goes on."""
    writer = store.begin(DIGEST, OWNER)
    writer.write(b"half")
    writer.file.flush()
    (path,) = store.spool.iterdir()
    long_ago = time.time() - LATELY.total_seconds() - 60
    os.utime(path, (long_ago, long_ago))
    return writer


@pytest.mark.parametrize("owner", [None, OWNER])
def test_uploads_begin_meanwhile(store, owner):
    """As beside `esm-server gc`, which is another process."""
    stopped = threading.Event()

    def sweep():
        while not stopped.is_set():
            store.sweep()

    with ThreadPoolExecutor(1) as sweeper:
        sweeping = sweeper.submit(sweep)
        try:
            for number in range(2000):
                store.begin(digest_bytes(b"%d" % number), owner).abort()
        finally:
            stopped.set()
        sweeping.result()


def test_nothing_that_goes_on(store, old):
    store.sweep()
    assert store.kept(DIGEST, OWNER) == 4
    old.abort()


def test_what_nobody_goes_on_with(store, old):
    old.file.close()  # all that the end of its process does
    store.sweep()
    assert store.kept(DIGEST, OWNER) == 0


def test_nothing_of_lately(store):
    writer = store.begin(DIGEST, OWNER)
    writer.write(b"half")
    writer.keep()
    store.sweep()
    assert store.kept(DIGEST, OWNER) == 4
