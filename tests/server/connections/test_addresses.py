"""From which address a request comes, and who is believed about it."""

import asyncio

import pytest

from esm_server.connections.addresses import Addresses
from esm_server.connections.bounds import BoundedRequests
from esm_server.settings import Settings


def address(peer, *forwarded, proxies="10.0.0.0/8, fd00::/8"):
    headers = [(b"x-forwarded-for", text.encode()) for text in forwarded]
    known = Addresses(Settings(trusted_proxies=proxies).proxies)
    return known.of_request({"client": (peer, "1"), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        # whoever is no proxy may claim what they like
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),
        ("192.0.2.7", ["127.0.0.1"], "192.0.2.7"),
        ("192.0.2.7", [""], "192.0.2.7"),
        ("::ffff:192.0.2.7", [], "192.0.2.7"),
        # a network of IPv6 is one client
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", [], "2001:db8:1:2::/64"),
        # a proxy is believed, but not what its client told it
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["10.6.6.6, 127.0.0.1, 192.0.2.7"], "192.0.2.7"),
        ("::ffff:10.0.0.1", ["192.0.2.7:4711"], "192.0.2.7"),
        ("fd00::1", ["[2001:db8::1]:4711"], "2001:db8::/64"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::/64"),
        # a chain of proxies; who asks from among them is the first one
        ("10.0.0.1", ["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # what is no address ends the search at the last one that is
        ("10.0.0.1", ["192.0.2.7, nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["unknown"], None),
        ("10.0.0.1", [""], None),
        ("10.0.0.1", [], None),
        # this machine
        ("127.0.0.1", [], None),
        ("127.0.0.1", ["192.0.2.7"], None),
        ("::1", [], None),
        ("::ffff:127.0.0.1", [], None),
        ("no address", [], None),
    ],
)  # fmt: skip
def test_address(peer, forwarded, found):
    assert address(peer, *forwarded) == found


def test_a_proxy_on_this_machine_is_one_where_it_is_named():
    assert address("127.0.0.1", "192.0.2.7", proxies="127.0.0.1") == "192.0.2.7"
    assert address("127.0.0.1", proxies="127.0.0.1") is None


def test_nobody_is_believed_unless_named():
    assert address("10.0.0.1", "192.0.2.7", proxies="") == "10.0.0.1"


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_proxy_on_this_machine_is_believed_by_default(peer):
    default = Settings.model_fields["trusted_proxies"].default
    assert address(peer, "192.0.2.7", proxies=default) == "192.0.2.7"
    assert address(peer, proxies=default) is None


def test_who_seems_to_be_a_proxy_and_is_not_named_is_told_of_once(caplog):
    known = Addresses(Settings(trusted_proxies="10.0.0.1").proxies)
    forwarded = [(b"x-forwarded-for", b"192.0.2.7")]
    for peer, headers in (("10.0.0.1", forwarded), ("10.0.0.2", [])):
        known.of_request({"client": (peer, "1"), "headers": headers})
    assert caplog.text == ""
    for peer in ("10.0.0.2", "10.0.0.3"):
        known.of_request({"client": (peer, "1"), "headers": forwarded})
    (told,) = caplog.messages
    assert told.startswith("10.0.0.2 sends X-Forwarded-For")
    assert "ESM_SERVER_TRUSTED_PROXIES" in told


@pytest.mark.parametrize("networks", ["everywhere", "10.0.0.0/33", "10.0.0.1;10.0.0.2"])
def test_networks_that_are_none(registry, networks):
    done = registry.run_command("check", env={"ESM_SERVER_TRUSTED_PROXIES": networks})
    assert done.returncode == 1
    assert "The setting ESM_SERVER_TRUSTED_PROXIES is" in done.stderr


def test_forged_addresses_do_not_get_around_the_bound():
    """Clients that are no proxy, each claiming another address, over the real wrapper."""
    statuses = asyncio.run(answered_to(20, per_address=3))
    assert statuses.count(429) == 17
    assert statuses.count(None) == 3


async def answered_to(count, per_address):
    """The statuses of requests of one peer that all go on at a time; None for one let in."""
    over = asyncio.Event()
    bounded = BoundedRequests(
        lambda *_: over.wait(), Addresses(()), per_user=100, per_address=per_address
    )
    statuses = [None] * count

    async def ask(number):
        async def send(message):
            statuses[number] = message.get("status", statuses[number])

        forged = [(b"x-forwarded-for", f"198.51.100.{number}".encode())]
        scope = {"type": "http", "path": "/v1", "client": ("192.0.2.7", "1"), "headers": forged}
        await bounded(scope, None, send)

    tasks = [asyncio.create_task(ask(number)) for number in range(count)]
    await asyncio.sleep(0)
    over.set()
    await asyncio.gather(*tasks)
    return statuses
