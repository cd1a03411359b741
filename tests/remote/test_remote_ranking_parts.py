"""How a ranking travels: in parts to servers that say they take them, as JSON to older ones."""

import json
import warnings

import numpy as np
import pytest

from esm_client import Client, TargetSketch
from esm_client.core.schemas.rankings import PARTS
from esm_client.core.scoring.jackknife import fold_sketches
from esm_client.remote.http.parts import CHUNK_BYTES, Part, in_parts

SPACE = "ranking-parts-16"
RNG = np.random.default_rng(7)
X = RNG.standard_normal((400, 16))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture(name="pool", autouse=True)
def _pool(client, esm_directory):
    for seed in range(2):
        client.push(esm_directory(f"p{seed}", seed=seed), f"ranking-parts/p{seed}", space=SPACE)


def rank(client):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sketch = TargetSketch.from_embeddings(X, Y, kind="classification")
        folds = fold_sketches(X, Y, kind="classification", folds=4)
        return client.rank(sketch, space=SPACE, folds=folds, embedded=(X.astype(np.float32), Y))


def as_an_older_server(asked, forward):
    """The registry, without a word of what servers before it did not take."""
    answer = forward()
    if asked.path != "/v1":
        return answer
    said = json.loads(answer.body)
    assert said.pop("takes") == [PARTS]
    return answer.with_body(json.dumps(said).encode())


def posted(relay):
    return [asked for asked in relay.requests if (asked.method, asked.path) == RANKINGS]


RANKINGS = ("POST", "/v1/rankings")


def test_the_bytes_travel_as_they_are_and_the_server_is_asked_once(relay, relayed):
    first, second = rank(relayed), rank(relayed)
    assert [row.score for row in first] == [row.score for row in second]
    assert relay.paths().count("/v1") == 1
    body = posted(relay)[0].body
    assert posted(relay)[0].headers["content-type"].startswith("multipart/form-data; boundary=")
    assert TargetSketch.from_embeddings(X, Y, kind="classification").to_bytes() in body
    assert X.astype("<f4").tobytes() in body
    assert body.count(b'name="fold"') == 4


def test_an_older_server_gets_json(relay, relayed):
    relay.rule = as_an_older_server
    older = rank(relayed)
    assert posted(relay)[0].headers["content-type"] == "application/json"
    assert set(json.loads(posted(relay)[0].body)) >= {"space", "sketch", "folds", "embedded"}
    relay.rule = lambda asked, forward: forward()
    with Client(relay.url, relayed._settings.token) as another:
        newer = rank(another)
    assert posted(relay)[1].headers["content-type"].startswith("multipart/")
    assert [(r.reference, r.score, r.standard_error) for r in older] == [
        (r.reference, r.score, r.standard_error) for r in newer
    ]


def test_a_body_is_made_anew_for_every_try(relay, relayed):
    """A registry that is full for a moment says so before it has ranked anything."""
    refusals = iter([429, 429])

    def rule(asked, forward):
        answer = forward()
        if (asked.method, asked.path) == RANKINGS and (status := next(refusals, None)):
            headers = {"retry-after": "0", "x-esm-registry": answer.headers["x-esm-registry"]}
            return type(answer)(status, b"{}", headers)
        return answer

    relay.rule = rule
    assert len(rank(relayed)) == 2
    bodies = {asked.body for asked in posted(relay)}
    assert (len(posted(relay)), len(bodies)) == (3, 1)


def test_parts_are_what_they_say():
    large = bytes(range(256)) * (CHUNK_BYTES // 128)
    headers, content = in_parts([Part("a", b"x", "text/plain"), Part("b", large), Part("c", b"")])
    whole = b"".join(content())
    assert whole == b"".join(content())
    assert headers["Content-Length"] == str(len(whole))
    assert max(map(len, content())) == CHUNK_BYTES
    boundary = headers["Content-Type"].partition("boundary=")[2]
    pieces = whole.split(f"--{boundary}".encode())
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    assert pieces[2].endswith(b"\r\n\r\n" + large + b"\r\n")
    assert b'name="c"' in pieces[3]
