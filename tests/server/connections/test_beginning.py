"""Who is begun first, while many wait until it is known whose they are."""

import asyncio

import pytest

from esm_server.connections.bounds import BEGINNING, Place, Places


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
    "unknown tokens": [(f"unknown{number}", None) for number in range(3)],
    "nobody": [(None, None)] * 3,
}


@pytest.mark.parametrize("busy", BUSY.values(), ids=BUSY)
def test_who_has_most_in_progress_is_begun_last(busy):
    async def run():
        places = Places(per_user=10, per_address=10)
        for other in (1, 2):
            came(places, "d" * other, other).leave()  # tokens that are known from now on
        for token, user in busy:
            came(places, token, user)
        assert BEGINNING == 2
        for _ in range(BEGINNING):
            await came(places, "first", address="192.0.2.9").begin()
        order = []

        async def begins(name, place):
            await place.begin()
            order.append(name)
            place.has_begun()

        again, is_user = busy[0][0], busy[0][1] is not None
        waiting = {
            "busy": came(places, "d" if is_user else again),
            "known": came(places, "dd"),
            "elsewhere": came(places, "unknown", address="192.0.2.2"),
        }
        tasks = [asyncio.create_task(begins(*one)) for one in waiting.items()]
        await asyncio.sleep(0)
        places.gate.leave()
        await asyncio.gather(*tasks)
        assert order[-1] == "busy"

    asyncio.run(run())
