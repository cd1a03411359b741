"""What an earlier client makes of a space whose maps read an inner layer."""

import pytest
from support.artifacts import make_esm

from esm_client.core.views import SpaceViews

pytestmark = pytest.mark.slow
SPACE = "wide"


@pytest.fixture(name="running")
def _running(new, serve, esms, tmp_path):
    """A server with a space of the earlier edition's ESMs and one with views."""
    running = serve(new)
    for name in ("e0", "e1"):
        new.client(running, "push", esms / name, f"team/{name}", "--space", "tiny")
    wide = make_esm(tmp_path, "wide", views=SpaceViews(layer=4, count=5))
    new.client(running, "push", wide, "team/wide", "--space", SPACE)
    return running


def told(edition, server, *arguments):
    """What a command that must fail says."""
    done = edition.run(
        "-m", "esm_client.cli", "-q", *arguments,
        ESM_REGISTRY_URL=server.url, ESM_REGISTRY_TOKEN=server.token,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()


def test_the_old_space_goes_on_and_the_new_one_is_refused(old, running, target, tmp_path):
    assert {row["name"] for row in old.client(running, "spaces")} == {"tiny", SPACE}
    assert {row["name"] for row in old.client(running, "list")} == {"e0", "e1", "wide"}
    ranking = old.client(running, "rank", *target, "--space", "tiny")
    assert {row["reference"] for row in ranking["rows"]} == {"team/e0@1", "team/e1@1"}

    error, hint = told(old, running, "rank", *target, "--space", SPACE)
    assert "no views of an inner layer, and the space 'wide' has 5 of layer 4" in error
    assert "Update esm-client" in hint

    old.client(running, "pull", "team/wide", tmp_path / "pulled")  # bytes, which it verifies
    error, _ = told(old, running, "push", tmp_path / "pulled", "team/again")
    assert "holds the tensors ['model.wide.bias'" in error
