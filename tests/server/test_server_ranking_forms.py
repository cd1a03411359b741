"""A ranking request in parts and as JSON: the same request, however the network cuts it."""

import base64
import json
import random
import warnings
from contextlib import suppress

import numpy as np
import pytest
from support.bodies import BOUNDARY, in_parts

from esm_client.core.errors import EsmError, InvalidInput, RateLimited, TooLarge
from esm_client.core.limits import MAX_FOLDS, MAX_SKETCH_BYTES
from esm_client.core.schemas import RankingCreate
from esm_client.core.scoring.embedded import EmbeddedTarget
from esm_client.core.scoring.jackknife import fold_sketches
from esm_client.core.scoring.sketch import TargetSketch
from esm_server.held_bytes import HeldBytes
from esm_server.rankings.old_form import LONG, RankingJson
from esm_server.rankings.parts import RankingParts

D = 64
RNG = np.random.default_rng(3)
X = RNG.standard_normal((300, D)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def bytes_of(sketch: TargetSketch) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sketch.to_bytes()


SKETCH = bytes_of(TargetSketch.from_embeddings(X, Y, kind="classification"))
FOLDS = [bytes_of(fold) for fold in fold_sketches(X, Y, kind="classification", folds=3)]
EMBEDDED = EmbeddedTarget.of(X, Y, kind="classification").to_bytes()
assert len(SKETCH) > LONG
OPTIONS = {"space": "a", "filter": {"task": ['say "no\\"', "é \u2028"]}, "limit": 5, "wait": 60}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def as_json(options=None, **fields) -> bytes:
    given = {"sketch": b64(SKETCH), "folds": list(map(b64, FOLDS)), "embedded": b64(EMBEDDED)}
    return json.dumps({**(options or OPTIONS), **given, **fields}).encode()


def parts(options=None) -> bytes:
    text = json.dumps(options or OPTIONS).encode()
    folds = [("fold", fold) for fold in FOLDS]
    return in_parts(("request", text), ("sketch", SKETCH), *folds, ("embedded", EMBEDDED))


LONGEST = b64(bytes(3 * LONG))
WHOLE = RankingCreate.model_validate(json.loads(as_json()))


def read(reader, data: bytes, *cuts: int) -> RankingCreate:
    for start, stop in zip((0, *cuts), (*cuts, len(data)), strict=True):
        reader.feed(data[start:stop])
    return reader.request()


@pytest.mark.parametrize(
    ("reader", "data"), [(RankingJson, as_json()), (lambda: RankingParts(BOUNDARY), parts())]
)
def test_wherever_it_is_cut(reader, data):
    rng = random.Random(5)
    assert read(reader(), data) == WHOLE
    for _ in range(200):
        cuts = sorted(rng.sample(range(1, len(data)), rng.choice((1, 3, 50))))
        assert read(reader(), data, *cuts) == WHOLE


def test_every_byte_alone():
    short = as_json(folds=[], embedded=None, sketch="AAAA")
    expected = RankingCreate.model_validate(json.loads(short))
    assert read(RankingJson(), short, *range(1, len(short))) == expected
    small = in_parts(("sketch", b"\r\n--"), ("request", b'{"space": "a"}'), ("fold", b""))
    expected = RankingCreate(space="a", sketch=b64(b"\r\n--"), folds=("",))
    assert read(RankingParts(BOUNDARY), small, *range(1, len(small))) == expected


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"space": "a", "sketch": b64(SKETCH)}),
        json.dumps({"sketch": b64(SKETCH), "space": "a"}, indent=3),
        json.dumps({"space": "a", "sketch": "AAAA", "folds": [b64(SKETCH), "AAAA", "", LONGEST]}),
        json.dumps({"space": "a", "sketch": "", "embedded": b64(bytes(LONG))}),
        json.dumps({"space": "a", "sketch": b64(bytes(LONG - LONG // 4))}),  # just long
        json.dumps({"space": "a", "sketch": b64(bytes(LONG - LONG // 4 - 3))}),  # just short
        json.dumps({"space": "a", "sketch": "AAAA", "filter": {"tag": ["\\", '"', '\\"', "\\\\"]}}),
        '{"space": "a", "sketch": "\\u0041AAA", "folds": []}',
        '{"space": "b", "space": "a", "sketch": "AAAA"}',
    ],
)  # fmt: skip
def test_json_says_what_it_says_to_others(text):
    expected = RankingCreate.model_validate(json.loads(text))
    assert read(RankingJson(), text.encode()) == expected


MARK = "\0" + "0"
REFUSED = {
    "in another field": (as_json(space=b64(SKETCH)), "none of `sketch`"),
    "in a list": (as_json({"space": "a", "filter": {"tag": [b64(SKETCH)]}}), "none of `sketch`"),
    "as a key": (as_json({b64(SKETCH): 1}), "none of `sketch`"),
    "in a list of a list": (as_json(folds=[[b64(SKETCH)]]), "none of `sketch`"),
    "in an object": (as_json(sketch={"a": b64(SKETCH)}), "none of `sketch`"),
    "a mark that was made up": (as_json(folds=[MARK]), "folds.0"),
    "a mark of nothing": (as_json(sketch=MARK, folds=[], embedded=None), "sketch"),
    "no base64": (as_json(sketch="é" * LONG), "no base64"),
    "in lines": (as_json(sketch=base64.encodebytes(SKETCH).decode()), "no base64"),
    "cut off": (as_json()[:-100], "not valid"),
    "cut off in a text": (as_json()[: LONG + 500], "not valid"),
    "no object": (b"[]", "dictionary"),
    "a text alone": (json.dumps(b64(SKETCH)).encode(), "none of `sketch`|dictionary"),
    "a number": (as_json(sketch=3), "sketch"),
    "too many folds": (as_json(folds=["AAAA"] * (MAX_FOLDS + 1)), "folds: List should have"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_json_that_is_refused(name):
    data, reason = REFUSED[name]
    with pytest.raises(InvalidInput, match=reason):
        read(RankingJson(), data)


PADDED = b64(bytes(LONG + 2))
assert PADDED.endswith("=")


@pytest.mark.parametrize("more", ["AAAA", "A", "AAAAA=", "===="])
def test_what_follows_the_padding_is_refused_wherever_it_is_cut(more):
    data = as_json(sketch=PADDED + more)
    end = data.index(PADDED.encode()) + len(PADDED)
    for cut in range(end - 2, end + len(more)):
        with pytest.raises(InvalidInput, match="no base64"):
            read(RankingJson(), data, cut)


def test_json_beyond_a_limit():
    for data in (
        as_json(folds=[b64(SKETCH)] * (MAX_FOLDS + 2)),
        as_json(colour=[0] * 10**6),
        as_json(colour=["a"] * 10**4),
        as_json(sketch=b64(bytes(MAX_SKETCH_BYTES + 3))),
    ):
        with pytest.raises(TooLarge):
            read(RankingJson(), data)


SPACE = ("request", b'{"space": "a"}')
WRONG_PARTS = {
    "no sketch": (in_parts(SPACE), "'sketch' is missing"),
    "no request": (in_parts(("sketch", b"a")), "'request' is missing"),
    "two sketches": (in_parts(SPACE, ("sketch", b"a"), ("sketch", b"b")), "more than 1 parts"),
    "two requests": (in_parts(SPACE, SPACE, ("sketch", b"a")), "more than 1 parts"),
    "many folds": (in_parts(*[("fold", b"")] * (MAX_FOLDS + 1)), "more than 20 parts"),
    "another part": (in_parts(("folds", b"")), "has no part 'folds'"),
    "no name": (in_parts(("", b"")), "has no part ''"),
    "unknown keys": (in_parts(("sketch", b"a"), ("request", b'{"space":"a","sketch":"AAAA"}')),
                     "sketch: Extra inputs"),
    "no JSON": (in_parts(("sketch", b"a"), ("request", b"{")), "not valid"),
    "not UTF-8": (in_parts(("sketch", b"a"), ("request", b'{"space":"\xff"}')), "not UTF-8"),
    "cut off": (parts()[:-60], "no usable multipart"),
    "nothing": (b"", "no usable multipart"),
    "no form": (b'{"space": "a"}', "no usable multipart"),
    "no end": (parts().removesuffix(b"--\r\n"), "no usable multipart"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_PARTS)
def test_parts_that_are_refused(name):
    data, reason = WRONG_PARTS[name]
    with pytest.raises(InvalidInput, match=reason):
        read(RankingParts(BOUNDARY), data)


@pytest.mark.parametrize("boundary", ["", "b" * 71, "a\nb"])
def test_a_boundary_that_is_none(boundary):
    with pytest.raises(InvalidInput):
        RankingParts(boundary)


def test_parts_beyond_a_limit():
    long_head = b"--%b\r\nA: " % BOUNDARY.encode() + b"a" * 1000 + b"\r\n"
    for data in (
        in_parts(("sketch", bytes(MAX_SKETCH_BYTES + 1))),
        in_parts(("request", bytes(2**21))),
        long_head,
        b"--%b\r\n" % BOUNDARY.encode() + b"A: a\r\n" * 100,
    ):
        with pytest.raises(TooLarge):
            read(RankingParts(BOUNDARY), data)


def held_targets(**how):
    return HeldBytes(100, "Rankings of {} hold targets", **how)


class TestHeldBytes:
    def test_one_users_take_the_half_of_what_others_leave(self):
        targets = held_targets()
        mine, again, yours = targets.of("a"), targets.of("a"), targets.of("b")
        mine.grow(30)
        again.grow(20)
        with pytest.raises(
            RateLimited, match="hold targets of 50 bytes already, others' 0"
        ) as caught:
            again.grow(1)
        assert int(caught.value.headers["Retry-After"]) > 0
        yours.grow(25)
        with pytest.raises(RateLimited, match="hold targets of 25 bytes already, others' 50"):
            yours.grow(1)
        mine.release()
        mine.release()
        again.grow(17)
        yours.release()
        again.release()
        targets.of("c").grow(50)

    def test_there_is_room_for_one_more_however_many_hold_all_they_may(self):
        targets = HeldBytes(2**20, "Rankings of {} hold targets")
        for number in range(8):
            targets.of(f"user {number}").grow(2**19 >> number)
            with pytest.raises(RateLimited):
                targets.of(f"user {number}").grow(1)
        targets.of("a newcomer").grow(2**11)

    def test_a_few_who_hold_all_leave_everybody_a_little(self):
        targets = held_targets(always=20)
        targets.of("a").grow(50)
        targets.of("b").grow(25)
        for other in "cd":
            held = targets.of(other)
            held.grow(20)
            with pytest.raises(RateLimited, match="of 20 bytes already, others'"):
                held.grow(1)
        with pytest.raises(RateLimited, match="of 50 bytes already"):
            targets.of("a").grow(1)

    def test_what_was_refused_is_not_held(self):
        targets = held_targets()
        target = targets.of("a")
        target.grow(40)
        with pytest.raises(RateLimited):
            target.grow(40)
        target.release()
        targets.of("a").grow(50)


def test_no_reader_lets_anything_else_out():
    rng = random.Random(1)
    for reader, data in ((RankingJson, as_json()), (lambda: RankingParts(BOUNDARY), parts())):
        for _ in range(300):
            broken = bytearray(data)
            for _ in range(rng.choice((1, 3, 30))):
                broken[rng.randrange(len(broken))] = rng.randrange(256)
            with suppress(EsmError):
                read(reader(), bytes(broken), len(broken) // 2)
