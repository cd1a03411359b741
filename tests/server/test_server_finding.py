"""Lists, searches, facets and pages against plain Python over the same ESMs."""

import random
import re
from functools import partial
from itertools import product

import pytest
from support.artifacts import make_esm, upload
from support.registry import RunningRegistry

LANGUAGES = ["de", "en", "sw", None]
LICENCES = ["mit", "cc-by-4.0", None]
DOMAINS = ["reviews", "news"]
TAGS = ["small", "checked", "draft"]
WORDS = ["Hotel", "Wetter", "naïve", "tickets", "kindness"]


@pytest.fixture(name="catalogue", scope="module")
def _catalogue(tmp_path_factory):
    """A server of its own with 60 ESMs, some private, some yanked, and what they are."""
    running = RunningRegistry(tmp_path_factory.mktemp("catalogue"))
    yield running
    running.kill()


@pytest.fixture(name="esms", scope="module")
def _esms(catalogue, tmp_path_factory):

    folder = tmp_path_factory.mktemp("esms")
    make = partial(make_esm, folder)
    rng = random.Random(5)
    known = []
    with catalogue.client(catalogue.write_token) as client:
        client.post("/v1/namespaces", json={"name": "hidden", "private": True}).raise_for_status()
        for index in range(60):
            namespace = rng.choice(["alpha", "beta", "hidden"])
            facts = {
                "namespace": namespace,
                "name": f"e{index:02d}",
                "language": rng.choice(LANGUAGES),
                "licence": rng.choice(LICENCES),
                "domain": rng.choice(DOMAINS),
                "tags": rng.sample(TAGS, rng.randrange(3)),
                "task": f"data/{rng.choice('xyz')}",
                "words": rng.sample(WORDS, 2),
                "yanked": rng.random() < 0.15,
            }
            directory = make(
                f"{namespace}-{index}",
                seed=index,
                data_set=facts["task"],
                language=facts["language"],
            )
            body = {
                "manifest": upload(client, directory, namespace),
                "space": "space",
                "fingerprint": fingerprint(directory),
                "source": {"licence": facts["licence"], "domain": facts["domain"]},
                "card": f"# A card about {' and '.join(facts['words'])}",
            }
            path = f"/v1/esms/{namespace}/{facts['name']}"
            client.post(f"{path}/versions", json=body).raise_for_status()
            client.patch(path, json={"tags": facts["tags"]}).raise_for_status()
            if facts["yanked"]:
                body = {"reason": "wrong"}
                client.put(f"{path}/versions/1/yank", json=body).raise_for_status()
            known.append(facts)
    return known


def fingerprint(directory):
    from esm_client.core.artifact.directory import EsmArtifact

    return EsmArtifact.read(directory).fingerprint.model_dump(mode="json")


def fetch(catalogue, token, limit=7, **params):
    found, after = [], None
    with catalogue.client(token) as client:
        while True:
            page = {**params, "limit": limit, **({"after": after} if after else {})}
            response = client.get("/v1/esms", params=page)
            assert response.status_code == 200, response.text
            document = response.json()
            found += [f"{esm['namespace']}/{esm['name']}" for esm in document["items"]]
            after = document["next"]
            if after is None:
                return found


def expected(esms, *, member, **wanted):
    def fits(esm):
        return (
            (member or esm["namespace"] != "hidden")
            and esm["yanked"] == wanted.get("yanked", False)
            and all(
                esm[key] in wanted[key]
                for key in ("language", "licence", "domain", "namespace", "task")
                if key in wanted
            )
            and ("tag" not in wanted or set(wanted["tag"]) & set(esm["tags"]))
            and all(word in esm["words"] for word in wanted.get("words", ()))
        )

    return sorted(f"{esm['namespace']}/{esm['name']}" for esm in esms if fits(esm))


FILTERS = [
    {},
    {"language": ["de"]},
    {"language": ["de", "en"], "licence": ["mit"]},
    {"domain": ["news"], "tag": ["small", "draft"]},
    {"namespace": ["hidden"]},
    {"namespace": ["alpha"], "task": ["data/x", "data/y"]},
    {"licence": ["none of them"]},
    {"yanked": True},
]


@pytest.mark.parametrize(
    ("wanted", "member", "sort"), list(product(FILTERS, [True, False], ["name", "newest"]))
)
def test_filters_and_pages(catalogue, esms, wanted, member, sort):
    token = catalogue.write_token if member else catalogue.read_token
    found = fetch(catalogue, token, **wanted, sort=sort)
    truth = expected(esms, member=member, **wanted)
    assert sorted(found) == truth
    if sort == "name":
        assert found == truth


@pytest.mark.parametrize("member", [True, False])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hotel", ["Hotel"]),
        ("HOTEL wetter", ["Hotel", "Wetter"]),
        ("naive", ["naïve"]),
        ("kindn", ["kindness"]),
        ("tick", ["tickets"]),
    ],
)
def test_words(catalogue, esms, text, words, member):
    token = catalogue.write_token if member else catalogue.read_token
    truth = expected(esms, member=member, words=words)
    assert truth
    for sort in ("relevance", "name", "newest"):
        assert sorted(fetch(catalogue, token, q=text, sort=sort)) == truth
    assert sorted(fetch(catalogue, token, q=text, language=["de"])) == expected(
        esms, member=member, words=words, language=["de"]
    )


@pytest.mark.parametrize(
    "text",
    ['"', "'", "NEAR(", "a AND", "*", "name:x", "hotel OR", "-hotel", "(((", "hotel^2", "x" * 200,
     "hotel\x00", "好的", "{hotel}", "hotel NOT wetter"],
)  # fmt: skip
def test_no_text_breaks_the_search(catalogue, esms, text):
    with catalogue.client(catalogue.read_token) as client:
        response = client.get("/v1/esms", params={"q": text})
    if re.search(r"\w", text):
        assert response.status_code == 200, response.text
    else:
        assert response.status_code == 400
        assert "holds no word" in response.json()["detail"]


@pytest.mark.parametrize("member", [True, False])
def test_facets_count_what_the_list_shows(catalogue, esms, member):
    token = catalogue.write_token if member else catalogue.read_token
    with catalogue.client(token) as client:
        facets = client.get("/v1/esms/facets", params={"domain": "news"}).json()
    shown = expected(esms, member=member, domain=["news"])
    assert facets["num_esms"] == len(shown)
    fields = {f: {v["value"]: v["count"] for v in vs} for f, vs in facets["fields"].items()}
    of = {f"{esm['namespace']}/{esm['name']}": esm for esm in esms}
    for field, key in (("language", "language"), ("licence", "licence"), ("task", "task")):
        truth = {}
        for name in shown:
            value = of[name][key]
            truth[value] = truth.get(value, 0) + 1
        truth.pop(None, None)
        assert fields[field] == truth
    assert ("hidden" in fields["namespace"]) == member
    assert sum(fields["tag"].values()) == sum(len(of[name]["tags"]) for name in shown)


def test_exclude(catalogue, esms):
    every = expected(esms, member=True)
    for exclude in (["beta/*"], [every[0]], ["data/x"], ["beta/*", every[0], "data/x"]):
        found = fetch(catalogue, catalogue.write_token, exclude=exclude)
        truth = [
            name
            for name in every
            if name not in exclude
            and f"{name.split('/')[0]}/*" not in exclude
            and next(e for e in esms if f"{e['namespace']}/{e['name']}" == name)["task"]
            not in exclude
        ]
        assert found == truth


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"after": "newest:x"}, 400),
        ({"after": "name:a/b", "sort": "newest"}, 400),
        ({"after": "newest:2026-01-01:1", "sort": "newest"}, 400),
        ({"sort": "relevance"}, 400),
        ({"sort": "size"}, 400),
        ({"space": "Not A Name"}, 400),
        ({"space": "unknown"}, 404),
        ({"kind": "other"}, 400),
        ({"language": ["x"] * 51}, 400),
        ({"q": "x" * 201}, 400),
    ],
)
def test_what_cannot_be_asked(catalogue, params, status):
    with catalogue.client(catalogue.read_token) as client:
        assert client.get("/v1/esms", params=params).status_code == status


def test_pages_hold_while_esms_are_added(catalogue, esms, tmp_path):
    with catalogue.client(catalogue.write_token) as client:
        first = client.get("/v1/esms", params={"limit": 5}).json()
        path = f"/v1/esms/{first['items'][0]['namespace']}/{first['items'][0]['name']}"
        client.patch(path, json={"description": "changed meanwhile"}).raise_for_status()
        rest = client.get("/v1/esms", params={"limit": 200, "after": first["next"]}).json()
    names = [f"{e['namespace']}/{e['name']}" for e in first["items"] + rest["items"]]
    assert names == expected(esms, member=True)
