"""No body stops the server: every one costs about what its bytes do, and others are answered."""

import json
import threading
from contextlib import contextmanager

import pytest
from support.bodies import (
    BOUNDARY,
    FILLINGS,
    JSON,
    LIMITS,
    MAX_RANKING_BYTES,
    PARTS,
    content_type,
    filled,
    forget_peak,
    in_parts,
    memory,
    operations,
    places,
    processor_seconds,
)
from support.full_size import labels_attack
from support.registry import RunningRegistry

from esm_client.core.limits import MAX_JSON_BYTES, MAX_SPACE_JSON_BYTES

pytestmark = pytest.mark.xdist_group("serial")  # it measures the memory of its server
MOST_GROWTH = 300 * 2**20
ITEMS, ENTRIES = [0] * 60_000, {str(number): 0 for number in range(15_000)}
IDENTITY = {"base_model": "m", "pooling": "mean", "dimension": 8192}


@pytest.fixture(name="registry", scope="module")
def _registry(tmp_path_factory):
    running = RunningRegistry(tmp_path_factory.mktemp("bodies"))
    yield running
    assert running.is_running
    assert " 500 " not in running.log
    running.kill()


@pytest.fixture(name="document", scope="module")
def _document(registry):
    with registry.client() as client:
        return client.get("/openapi.json").json()


@pytest.fixture(name="admin", scope="module")
def _admin(registry):
    with registry.client(registry.admin_token) as client:
        yield client


@contextmanager
def within_bounds(registry):
    """The server's memory stays within bounds, and somebody else is answered all the while."""
    seen, over = [], threading.Event()

    def look() -> None:
        with registry.client() as client:
            while True:  # once at least
                seen.append(client.get("/health/live").status_code)
                if over.wait(0.01):
                    return

    watcher = threading.Thread(target=look)
    forget_peak(registry)
    before = memory(registry)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    assert set(seen) == {200}
    assert memory(registry, "VmHWM") - before < MOST_GROWTH


def refused(response) -> dict:
    """A problem document that says why, shortly."""
    assert response.status_code in (400, 404, 413), response.text[:500]
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["detail"]
    assert len(response.content) < 2000
    return problem


def post(admin, path, content, media_type=JSON):
    """In pieces, as a large body would be copied again and again by who sends it."""
    data = content.encode() if isinstance(content, str) else content
    pieces = (data[at : at + 2**18] for at in range(0, len(data), 2**18))
    headers = content_type(media_type) | {"Content-Length": str(len(data))}
    return admin.post(path, content=pieces, headers=headers)


def test_the_endpoints_that_take_more_are_known(document):
    found = {operation.name for operation in operations(document)}
    assert set(LIMITS) <= found
    assert len(found) >= 15


@pytest.mark.parametrize("filling", FILLINGS)
def test_the_largest_body_of_every_endpoint_is_refused_and_costs_little(
    registry, document, admin, filling
):
    """In a field that is a list, where there is one, else in any; of rankings see below."""
    schemas = document["components"]["schemas"]
    with within_bounds(registry):
        for operation in operations(document):
            if operation.limit > 2**24:
                continue
            for body in bodies(operation, schemas, filling):
                assert operation.limit * 0.9 < len(body) <= operation.limit
                answer = admin.request(
                    operation.method, operation.path, content=body, headers=content_type(JSON)
                )
                refused(answer)


def bodies(operation, schemas, filling):
    """The filling as the whole document, in each of its lists, and as its first field."""
    yield filled("@", filling, operation.limit)
    found = places(operation.schema, schemas)
    for wrap in [wrap for kind, wrap in found if kind == "array"][:2]:
        yield filled(wrap("@"), filling, operation.limit)
    name = next(iter(schemas[operation.schema["$ref"].rpartition("/")[2]]["properties"]))
    yield filled({name: "@"}, filling, operation.limit)


@pytest.mark.parametrize("filling", FILLINGS)
def test_the_largest_ranking_as_json(registry, admin, filling):
    """And one of 1 MiB, which is read to its end, with the filling in one field or another."""
    whole = filled("@", filling, MAX_RANKING_BYTES - 2**10)
    with within_bounds(registry):
        refused(post(admin, "/v1/rankings", whole))
    del whole
    sizes = {"sketch": MAX_RANKING_BYTES - 2**10, "embedded": 2**20, "folds": 2**20}
    for field, size in {**sizes, "filter": 2**20, "colour": 2**20}.items():
        body = filled({"space": "a", "sketch": "AAAA", field: "@"}, filling, size)
        with within_bounds(registry):
            refused(post(admin, "/v1/rankings", body))


@pytest.mark.parametrize("filling", FILLINGS)
def test_the_largest_ranking_in_parts(registry, admin, filling):
    value = FILLINGS[filling](MAX_SPACE_JSON_BYTES - 2**10)
    options = b'{"space": "a", "filter": {"exclude": %b}}' % value
    with within_bounds(registry):
        for request in (value, options):
            body = in_parts(("sketch", b"x"), ("request", request))
            refused(post(admin, "/v1/rankings", body, PARTS))


FLOODS = {
    "parts": lambda size: (
        in_parts(("fold", b"")).removesuffix(b"--%b--\r\n" % BOUNDARY.encode()) * (size // 90)
    ),
    "headers": lambda size: b"--%b\r\n" % BOUNDARY.encode() + b"A: b\r\n" * (size // 6),
    "a header": lambda size: b"--%b\r\nA: " % BOUNDARY.encode() + b"b" * size,
    "another part": lambda size: in_parts(("colour", bytes(size))),
    "a sketch": lambda size: in_parts(("sketch", bytes(size))),
    "line ends": lambda size: in_parts(("sketch", b"\r\n" * (size // 2))),
    "almost ends": lambda size: in_parts(
        ("sketch", (b"\r\n--" + BOUNDARY[:-1].encode()) * (size // 35))
    ),
    "a preamble": lambda size: b"x" * size,
    "an epilogue": lambda size: in_parts(("sketch", b"x")) + b"x" * size,
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_of_parts(registry, admin, name):
    body = FLOODS[name](90 * 2**20)
    with within_bounds(registry):
        refused(post(admin, "/v1/rankings", body, PARTS))


class TestWhatStoppedIt:
    """Bodies with which one token stopped the server, and what they are answered now."""

    def test_a_million_numbers_in_a_filter(self, registry, admin):
        """Was 400 after a minute in which nobody was answered: an error object for each."""
        options = {"space": "a", "filter": {"exclude": [0] * 10**6}}
        old = json.dumps({"sketch": "AAAA", **options})
        with within_bounds(registry):
            assert refused(post(admin, "/v1/rankings", old))["code"] == "too-large"
            body = in_parts(("request", json.dumps(options).encode()), ("sketch", b"x"))
            assert refused(post(admin, "/v1/rankings", body, PARTS))["code"] == "too-large"

    @pytest.mark.parametrize(
        ("path", "given", "place"),
        [
            ("/v1/rankings", {"space": "a", "sketch": "AAAA", "filter": {"exclude": ITEMS}},
             "filter.exclude: List should have at most 200"),
            ("/v1/rankings", {"space": "a", "sketch": "AAAA", "folds": ITEMS},
             "folds: List should have at most 20"),
            ("/v1/source-sketches", {"digests": ITEMS}, "digests: List should have at most 200"),
            ("/v1/spaces", {"name": "a", "fingerprint": {"identity": IDENTITY, "canaries": ITEMS}},
             "fingerprint.canaries: List should have at most 5"),
            ("/v1/esms/a/b/versions", {"manifest": {"files": ENTRIES}},
             "manifest.files: Dictionary should have at most 16"),
            ("/v1/rankings/a/outcomes",
             {"reference": None, "metric": 0, "method_ranks": ENTRIES},
             "method_ranks: Dictionary should have at most 32"),
        ],
    )  # fmt: skip
    def test_many_wrong_items_are_told_by_their_number(self, admin, path, given, place):
        """Were told by the first of them, once errors for all had been made."""
        assert refused(post(admin, path, json.dumps(given)))["detail"].startswith(place)

    @pytest.mark.parametrize("path", ["/v1/rankings", "/v1/similar", "/v1/spaces"])
    def test_300_000_unknown_keys(self, registry, admin, path):
        """Was 400 after seconds, an error object for each key."""
        body = json.dumps({f"k{number}": 0 for number in range(300_000)})
        with within_bounds(registry):
            assert refused(post(admin, path, body))["code"] == "too-large"

    def test_90_mib_of_unknown_keys(self, registry, admin):
        """Had no answer in five minutes, in which the server grew to 8.7 GB."""
        body = FILLINGS["unknown keys"](90 * 2**20)
        with within_bounds(registry):
            assert refused(post(admin, "/v1/rankings", body))["code"] == "too-large"

    def test_labels_in_a_row_of_millions(self, registry, admin, esm_directory, push, unique):
        """Seconds of silence and gigabytes: a row of labels was shown in the error, all of it."""
        push(esm_directory(unique), f"{unique}/a", server=registry, space=unique)
        with within_bounds(registry):
            told = refused(post(admin, "/v1/rankings", labels_attack(unique, 2**24), PARTS))
        assert told["code"] == "invalid-embeddings"


def test_wrong_items_cost_no_more_than_other_bytes(registry, admin):
    """Processor seconds of bodies of one size; wrong items took some hundred times as many."""

    def seconds(document, filling):
        body = filled(document, filling, MAX_JSON_BYTES)
        before = processor_seconds(registry)
        for _ in range(50):
            refused(post(admin, "/v1/source-sketches", body))
        return processor_seconds(registry) - before

    most = 10 * (seconds({"digests": "@"}, "a long text") + 0.2)
    assert seconds({"digests": "@"}, "wrong items") < most
    assert seconds({"digests": "@"}, "empty objects") < most
    assert seconds("@", "unknown keys") < most


def test_what_needs_more_may_have_more(registry, admin, esm_directory, push, unique):
    """A card of 256 KiB in escapes, and the canaries of a wide space."""
    push(esm_directory(unique), f"{unique}/a", server=registry, space=unique).raise_for_status()
    card = json.dumps({"card": "\n" * (256 * 2**10 - 1) + "x"})
    assert len(card) > MAX_JSON_BYTES
    answer = admin.patch(f"/v1/esms/{unique}/a/versions/1", content=card)
    assert answer.status_code == 200, answer.text[:300]
    canaries = [[-1.2345678901234567e-100] * 8191 + [1.0]] * 5
    space = {"name": f"{unique}-wide", "fingerprint": {"identity": IDENTITY, "canaries": canaries}}
    answer = admin.post("/v1/spaces", json=space)
    assert answer.status_code == 201, answer.text[:300]


def test_a_body_beyond_its_limit_is_told_the_limit(admin):
    for path in ("/v1/similar", "/v1/spaces"):
        told = refused(post(admin, path, b" " * 2**22))
        assert told["code"] == "too-large"
        limit = MAX_SPACE_JSON_BYTES if path == "/v1/spaces" else MAX_JSON_BYTES
        assert str(limit) in told["detail"]
