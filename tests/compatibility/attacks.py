"""Attacks on a server's life, and on private files: each tells whether it succeeded.

They know HTTP alone, and nothing of how a server of any edition is made.
"""

import secrets
from pathlib import Path

import httpx
from access.parties import Party, contents, version_of
from compatibility.attacked import SECONDS, Attacked, is_done, token, unique
from support.bodies import forget_peak, memory
from support.held import half_body, held

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.packs import document, esm_name, pack_bytes
from esm_client.core.schemas import PackedEsm

MOST_GROWTH = 150 * 2**20
CONNECTIONS, PATIENCE = 900, 4.0
NUMBERS = b"[" + b"1," * 999_999 + b"1]"
UNKNOWN = b",".join(b'"k%d":1' % number for number in range(300_000))


def a_ranking_that_excludes_a_million_numbers(world: Attacked) -> bool:
    return _fills_memory(world, "/v1/rankings", b'{"space":"s","filter":{"exclude":%b}}' % NUMBERS)


def unknown_keys_in_a_ranking(world: Attacked) -> bool:
    return _fills_memory(world, "/v1/rankings", b'{"space":"s","sketch":"AAAA",%b}' % UNKNOWN)


def unknown_keys_in_similar(world: Attacked) -> bool:
    return _fills_memory(world, "/v1/similar", b'{"space":"s","embedding":"AAAA",%b}' % UNKNOWN)


def unknown_keys_in_a_space(world: Attacked) -> bool:
    return _fills_memory(world, "/v1/spaces", b'{"name":"s",%b}' % UNKNOWN)


def half_rankings(world: Attacked) -> bool:
    return _silences(world, "read", "POST", "/v1/rankings")


def half_searches(world: Attacked) -> bool:
    return _silences(world, "read", "POST", "/v1/similar")


def half_spaces(world: Attacked) -> bool:
    return _silences(world, "write", "POST", "/v1/spaces")


def a_commit_by_digests_alone(world: Attacked) -> bool:
    outsider, secret = _knows_of(world)
    return is_done(outsider.commit(secret)) and _has_all(outsider, secret)


def a_commit_with_one_file_of_others(world: Attacked) -> bool:
    outsider, secret = _knows_of(world)
    for name, content in contents(secret).items():
        if name != "model.safetensors":
            outsider.send(content).raise_for_status()
    return is_done(outsider.commit(secret)) and _has_all(outsider, secret)


def a_pack_without_files(world: Attacked) -> bool:
    outsider, secret = _knows_of(world)
    esm = PackedEsm.model_validate({**version_of(secret), "name": "esm", "space": "possession"})
    pack = b"".join(pack_bytes([document(esm_name(0), esm.model_dump_json().encode())]))
    path = f"/v1/namespaces/{outsider.namespace}/packs"
    (result,) = outsider.client.post(path, content=pack).raise_for_status().json()["results"]
    problem = result.get("problem")
    assert problem is None or problem["code"] == "not-found", problem
    return problem is None and _has_all(outsider, secret)


def a_head_of_a_file_of_others(world: Attacked) -> bool:
    outsider, secret = _knows_of(world)
    return is_done(outsider.head(digest_bytes(contents(secret)["model.safetensors"])))


def a_source_model_by_digests_alone(world: Attacked) -> bool:
    owner, outsider = world.party(), world.party()
    for party in (owner, outsider):
        party.push(world.esm())
    weights = contents(world.esm())["model.safetensors"]
    files = {"config.json": _config(), "model.safetensors": weights}
    for content in files.values():
        owner.send(content).raise_for_status()
    owner.attach(files).raise_for_status()
    if not is_done(outsider.attach(files)):
        return False
    path = f"/v1/esms/{outsider.namespace}/esm/versions/1/source-model/files/model.safetensors"
    return outsider.client.get(path).content == weights


def a_commit_of_what_was_deleted(world: Attacked) -> bool:
    """By somebody who never had it."""
    outsider, secret = _knows_of(world, is_deleted=True)
    return is_done(outsider.commit(secret)) and _has_all(outsider, secret)


def _fills_memory(world: Attacked, path: str, body: bytes) -> bool:
    """Whether the server's memory grew by far more than it may for one request."""
    attacker = token(world.root, scope="write", user=unique("attacker"))
    forget_peak(world)
    before = memory(world)
    headers = {"Content-Type": "application/json"}
    answer = world.client(attacker["secret"]).post(path, content=body, headers=headers)
    assert answer.status_code in (400, 413), answer.text
    return memory(world, "VmHWM") - before > MOST_GROWTH


def _silences(world: Attacked, scope: str, method: str, path: str) -> bool:
    """Whether bodies of one token, of which one byte came, keep everybody else from an answer."""
    attacker = token(world.root, scope=scope, user=unique("attacker"))["secret"]
    half = half_body(attacker, method=method, path=path)
    with held(world.server.url, *[half] * CONNECTIONS):
        is_answered = _is_live(world, PATIENCE)
    assert _is_live(world, SECONDS), "whatever it was, it is over"
    return not is_answered


def _is_live(world: Attacked, seconds: float) -> bool:
    """Whether the server says so in time."""
    try:
        answer = httpx.get(f"{world.server.url}/health/live", timeout=seconds, trust_env=False)
    except httpx.TransportError:
        return False
    return answer.raise_for_status().is_success


def _knows_of(world: Attacked, *, is_deleted: bool = False) -> tuple[Party, Path]:
    """An outsider, who knows the digests of a private ESM of somebody else."""
    owner, outsider, secret = world.party(), world.party(), world.esm()
    owner.push(secret)
    if is_deleted:
        world.root.delete(f"/v1/esms/{owner.namespace}/esm/versions/1").raise_for_status()
    return outsider, secret


def _has_all(outsider: Party, secret: Path) -> bool:
    path = f"/v1/esms/{outsider.namespace}/esm/versions/1/files/"
    return all(
        outsider.client.get(path + name).content == content
        for name, content in contents(secret).items()
    )


def _config() -> bytes:
    return f'{{"model_type": "bert", "x": "{secrets.token_hex(8)}"}}'.encode()
