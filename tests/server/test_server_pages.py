"""Keyset pages: every row once, in order, whatever the page size."""

import pytest


def all_pages(client, path, limit, **params):
    items, after, pages = [], None, 0
    while True:
        query = {**params, "limit": limit, **({"after": after} if after else {})}
        page = client.get(path, params=query).json()
        assert len(page["items"]) <= limit
        items += page["items"]
        pages += 1
        after = page["next"]
        if after is None:
            return items, pages


@pytest.fixture(name="client", scope="module")
def _client(registry):
    with registry.client(registry.read_token) as client:
        yield client


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 200])
def test_esms_and_versions(client, push, esm_directory, unique, limit):
    names = ["b-ns/x", "a-ns/z", "a-ns/a", "a.ns/q", "b-ns/a"]
    for index, name in enumerate(names):
        namespace, esm = name.split("/")
        path = f"{unique}-{namespace}/{esm}"
        push(esm_directory(f"e{index}", seed=index), path, space=unique).raise_for_status()
    items, pages = all_pages(client, "/v1/esms", limit, space=unique)
    paths = [(item["namespace"], item["name"]) for item in items]
    assert paths == sorted(paths)
    assert len(set(paths)) == 5
    assert pages == max(1, -(-5 // limit))
    for seed in range(20, 24):
        push(esm_directory(f"v{seed}", seed=seed), path, space=unique).raise_for_status()
    items, _ = all_pages(client, f"/v1/esms/{path}/versions", limit)
    assert [item["version"] for item in items] == [5, 4, 3, 2, 1]


def test_spaces(client, push, esm_directory, unique):
    for index in range(3):
        directory = esm_directory(f"s{index}", seed=index)
        push(directory, f"{unique}/e{index}", space=f"{unique}-{index}").raise_for_status()
    names = [space["name"] for space in all_pages(client, "/v1/spaces", 2)[0]]
    assert names == sorted(names)
    assert {f"{unique}-{index}" for index in range(3)} <= set(names)


@pytest.mark.parametrize("after", ["x", "-1", "1e3", "٣", "99999999999999999999"])
def test_cursor_that_is_none(client, push, esm_directory, problem, unique, after):
    push(esm_directory(unique), f"{unique}/a", space=unique).raise_for_status()
    response = client.get(f"/v1/esms/{unique}/a/versions", params={"after": after})
    problem(response, 400, "invalid-input")
