"""Fifty clients of one server at once, on every combination of back ends: one order of things."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore

import pytest
from faults.backends import COMBINATIONS
from support.artifacts import answered, upload
from support.databases import ON_SERVERS, empty
from support.storage import s3_server
from support.waiting import until

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.artifact.manifest import digest_bytes

PUSHERS = 50
COMBINED = [
    pytest.param(each, id="-".join(each), marks=() if each == COMBINATIONS[0] else ON_SERVERS)
    for each in COMBINATIONS
]


@pytest.fixture(name="running", params=COMBINED)
def _running(request, start_registry, tmp_path):
    database, storage = request.param
    url = {"ESM_SERVER_DATABASE_URL": empty(database, tmp_path)}
    in_bucket = storage == "s3"
    blobs = s3_server().env(s3_server().create_bucket()) if in_bucket else {}
    return start_registry(env=url | blobs)


@pytest.fixture(name="pushed")
def _pushed():
    """How often to sweep again: once at first, and after each few pushes that came through."""
    return Semaphore(1)


@pytest.fixture(name="swept")
def _swept(running, pushed):
    """`esm-server gc`, which spares nothing that nothing names, in the midst of the others."""
    stopped = Event()

    def sweep():
        while not stopped.is_set():
            if pushed.acquire(timeout=0.1):  # else nothing would come through on a slow machine
                assert running.begin_command("gc", "--grace", "0s").wait() == 0

    with ThreadPoolExecutor(1) as sweeper:
        sweeping = sweeper.submit(sweep)
        yield
        stopped.set()
    sweeping.result()


def together(running, work, count=PUSHERS):
    """What `work(client, number)` answers, of so many at once."""

    def one(number):
        with running.client(running.write_token) as client:
            return work(client, number)

    with ThreadPoolExecutor(count) as several:
        return list(several.map(one, range(count)))


@pytest.fixture(name="push_all")
def _push_all(running, esm_directory, pushed):
    directories = [esm_directory(f"e{seed}", seed=seed) for seed in range(PUSHERS)]

    def push_all(path):
        def push(client, number):
            directory = directories[number]
            body = {
                "manifest": upload(client, directory, path.split("/")[0]),
                "fingerprint": EsmArtifact.read(directory).fingerprint.model_dump(mode="json"),
            }

            def commit():
                return client.post(f"/v1/esms/{path}/versions", json=body)

            def once():
                answer = answered(commit)
                if answer.status_code != 404:
                    return answer
                upload(client, directory, path.split("/")[0])  # swept before anything named it
                return None

            answer = until(once, seconds=600)
            if number % 5 == 0:  # or most of the time would go by with sending again
                pushed.release()
            return answer

        return together(running, push)

    return push_all


def test_versions_have_no_gap_and_an_alias_moves_once(running, push_all):
    """The first of them also makes the namespace, the space and the ESM."""
    answers = push_all("new/esm")
    assert [answer.status_code for answer in answers] == [201] * PUSHERS, answers[0].text
    assert sorted(a.json()["version"] for a in answers) == list(range(1, PUSHERS + 1))
    path = "/v1/esms/new/esm/aliases/stable"

    def move(client, number):
        return client.put(path, json={"version": number + 1, "expected": 0}).status_code

    moved = together(running, move)
    assert set(moved) == {200, 409}
    assert moved.count(200) == 1
    with running.client(running.read_token) as client:
        (alias,) = client.get("/v1/esms/new/esm/aliases").json()["items"]
    assert alias["version"] == moved.index(200) + 1


@pytest.mark.usefixtures("swept")
def test_nothing_is_swept_that_a_version_names(running, push_all):
    answers = push_all("new/esm")
    assert [answer.status_code for answer in answers] == [201] * PUSHERS, answers[0].text
    with running.client(running.read_token) as client:
        for answer in answers:
            for name, entry in answer.json()["manifest"]["files"].items():
                path = f"/v1/esms/new/esm/versions/{answer.json()['digest']}/files/{name}"
                assert digest_bytes(client.get(path).content) == entry["sha256"]


def test_a_quota_holds(running, push_all):
    with running.client(running.admin_token) as root:
        root.post("/v1/namespaces", json={"name": "small"}).raise_for_status()
        root.patch("/v1/namespaces/small", json={"quota_versions": 5}).raise_for_status()
    running.write_token = running.admin_token
    answers = [answer.status_code for answer in push_all("small/esm")]
    assert answers.count(201) == 5, answers
    assert answers.count(413) == PUSHERS - 5
