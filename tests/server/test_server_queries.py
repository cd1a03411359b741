"""Queries are bounded before they are parsed, and what is parsed of them is not kept."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from litestar._parsers import parse_query_string
from server.test_server_bodies import refused

from esm_server.bodies import bounded_query


@pytest.fixture(name="admin", scope="module")
def _admin(registry):
    with registry.client(registry.admin_token) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    ["/v1/esms?task=a", "/v1/esms/facets?exclude=a", "/v1/spaces/a/pack?key=1",
     "/v1/audit?user=a", "/v1/namespaces?made-up=1", "/v1/whoami?x=1"],
)  # fmt: skip
@pytest.mark.parametrize("piece", ["", "&"])
def test_repeated_parameters_are_counted_before_they_are_parsed(admin, path, piece):
    """Were parsed, and remembered, thousands of them."""
    start, _, parameter = path.partition("?")
    told = refused(admin.get(f"{start}?{parameter}{('&' + (piece or parameter)) * 2000}"))
    assert "parameters in" in told["detail"]


def test_a_long_one_is_refused(admin):
    assert "bytes" in refused(admin.get("/v1/esms?q=" + "a" * 25_000))["detail"]


@pytest.mark.parametrize("query", ["&".join(["a=b"] * 51), "q=" + "a" * 2048])
def test_long_ones_are_not_remembered(query):
    """Each takes tens of times its bytes, and Litestar would keep a thousand in two forms."""
    assert parse_query_string(b"q=short")
    long = SimpleNamespace(scope={"query_string": query.encode()})
    asyncio.run(bounded_query(cast("Any", long), cast("Any", None)))
    assert parse_query_string.cache_info().currsize == 0


def test_all_that_a_filter_holds_is_taken(admin):
    fields = ("task", "language", "domain", "licence", "architecture", "namespace", "owner")
    given = [(name, f"{name}{n}") for name in (*fields, "tag") for n in range(50)]
    given += [("exclude", f"team/x{n}".ljust(55, "x")) for n in range(200)]
    answer = admin.get("/v1/esms", params=[*given, ("limit", "5"), ("sort", "name")])
    assert answer.status_code == 200, answer.text
