"""Who is begun first, while many wait until it is known whose they are."""

import asyncio

import pytest

from esm_server.connections.addresses import Addresses
from esm_server.connections.bounds import BEGINNING, BoundedRequests, Place, Places, count_user


def came(places, token=None, user=None, address="192.0.2.1"):
    """A place of a request that waits to be begun, or of one whose user is known by now."""
    place = Place(places, address)
    place.take_as("stranger" if token is None else "coming")
    if token is not None:
        place.take_token(token)
    if user is not None:
        place.take_user(user)
    return place


BUSY = {
    "a token of a user": [("a", 1)] * 3,
    "tokens of a user": [("a", 1), ("b", 1), ("c", 1)],
    "tokens of a user, that wait": [("a1", None), ("a2", None), ("a3", None)],
    "unknown tokens": [(f"unknown{number}", None) for number in range(3)],
    "nobody": [(None, None)] * 3,
}


@pytest.mark.parametrize("address", ["192.0.2.1", None])
@pytest.mark.parametrize("busy", BUSY.values(), ids=BUSY)
def test_who_is_busy_waits_longer_and_not_for_ever(busy, address):
    async def run():
        places = Places(per_user=10, per_address=10)
        known = {"d": 1, "dd": 2, "a1": 1, "a2": 1, "a3": 1}
        for token, user in known.items():
            came(places, token, user).leave()
        for token, user in busy:
            came(places, token, user, address)
        assert BEGINNING == 2
        for _ in range(BEGINNING):
            await came(places, "first", address="192.0.2.9").begin()
        order = []

        async def begins(name, place):
            await place.begin()
            order.append(name)
            place.has_begun()

        token = busy[0][0]
        is_known = token is not None and token.startswith("a")
        waiting = {
            "busy": came(places, "d" if is_known else token, address=address),
            "known": came(places, "dd"),
            "elsewhere": came(places, "unknown", address="192.0.2.2"),
        }
        tasks = [asyncio.create_task(begins(*one)) for one in waiting.items()]
        await asyncio.sleep(0)
        places.gate.leave()
        await asyncio.gather(*tasks)
        assert order.index("busy") == 1

    asyncio.run(run())


@pytest.mark.parametrize("token", [None, "d"])
def test_what_hangs_gives_its_place_back(token):
    async def run():
        places = Places(per_user=10, per_address=10)
        for _ in range(BEGINNING):
            await came(places, token).begin()
        async with asyncio.timeout(60):
            await came(places, "e").begin()

    asyncio.run(run())


def test_a_token_that_is_nobodys_any_more_is_no_longer_known():
    places = Places(per_user=10, per_address=10)
    came(places, "d", 1).leave()
    assert places.known == {"d": 1}
    came(places, "d").is_nobodys()
    came(places).is_nobodys()
    assert not places.known


def test_a_revoked_token_is_forgotten_with_its_first_refusal():
    async def run():
        statuses = iter([200, 401])

        async def answer(scope, _receive, send):
            if (status := next(statuses)) == 200:
                count_user(scope, 1)
            await send({"type": "http.response.start", "status": status, "headers": []})

        async def taken(_message):
            pass

        app = BoundedRequests(answer, Addresses(()), per_user=9, per_address=9)
        headers = [(b"authorization", b"Bearer d")]
        scope = {"type": "http", "path": "/", "client": ("192.0.2.1", 1), "headers": headers}
        await app(scope, None, taken)
        assert list(app._places.known.values()) == [1]
        await app({**scope}, None, taken)
        assert not app._places.known

    asyncio.run(run())
