"""Readers of a ranking request, in parts and as one document with long texts."""

import json

from fuzz import seeds
from fuzz.reader import Reader

from esm_server.rankings.old_form import LONG, RankingJson
from esm_server.rankings.parts import RankingParts


def _parts(data: bytes) -> None:
    """In two pieces, as a network cuts them."""
    reader, middle = RankingParts("x"), len(data) // 2
    reader.feed(data[:middle])
    reader.feed(data[middle:])
    json.dumps(reader.request().model_dump(mode="json")).encode()


def _old_form(data: bytes) -> None:
    """Likewise; the texts are long enough to be taken out of the document."""
    reader, middle = RankingJson(), len(data) // 2
    reader.feed(data[:middle])
    reader.feed(data[middle:])
    json.dumps(reader.request().model_dump(mode="json")).encode()


_OPTIONS = json.dumps({"space": "tiny", "filter": {"task": ["imdb"]}}).encode()
_RANKING_PARTS = (
    b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % part
        for part in [
            (b"request", _OPTIONS),
            (b"sketch", seeds.SKETCHES[0]),
            (b"fold", seeds.SKETCHES[1]),
            (b"fold", seeds.SKETCHES[2]),
            (b"embedded", seeds.EMBEDDED[0]),
        ]
    )
    + b"--x--\r\n"
)
_LONG_RANKING = json.dumps(
    {
        "space": "tiny", "sketch": seeds.b64(bytes(LONG)), "wait": 1.0,
        "folds": [seeds.b64(bytes(LONG + 1)), seeds.b64(seeds.SKETCHES[1])],
        "embedded": seeds.b64(bytes(LONG + 2)), "filter": {"task": ["imdb"]},
    }
).encode()  # fmt: skip
RANKING_READERS = [
    Reader("ranking-parts", "text", _parts, [_RANKING_PARTS]),
    Reader("ranking-json", "json", _old_form, [_LONG_RANKING]),
    Reader("ranking-json-bytes", "text", _old_form, [_LONG_RANKING]),
]
