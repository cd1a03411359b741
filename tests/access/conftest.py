"""Parties that do not see each other's things, and an ESM that nobody else has."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from access.parties import Party, parties
from server.conftest import assert_problem


@pytest.fixture(name="party")
def _party(registry) -> Iterator[Callable[[], Party]]:
    """party() -> another user with a private namespace of their own."""
    with parties(registry) as make:
        yield make


@pytest.fixture(name="owner")
def _owner(party) -> Party:
    return party()


@pytest.fixture(name="outsider")
def _outsider(party) -> Party:
    return party()


@pytest.fixture(name="secret")
def _secret(esm_directory, unique) -> Path:
    """A directory whose map and texts are like no other's."""
    return esm_directory(unique, seed=secrets.randbits(31), rows=[[unique], ["two"]])


@pytest.fixture(name="refused")
def _refused() -> Callable[..., str]:
    """refused(response, digest) -> the words of an answer that there is no such file, less it."""

    def words(response, digest: str) -> str:
        assert response.status_code == 404, response.text
        document = response.json()
        assert document["code"] == "not-found"
        assert digest in document["detail"]
        return f"{document['detail'].replace(digest, 'DIGEST')} {document['hint']}"

    return words


@pytest.fixture(name="problem")
def _problem() -> Callable[..., dict[str, Any]]:
    """problem(response, status, code) asserts the error shape and returns the document."""
    return assert_problem
