"""Readers of what travels: requests as the server takes them, answers as the client does."""

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from fuzz import seeds
from fuzz.file_readers import DEEP
from fuzz.ranking_readers import RANKING_READERS
from fuzz.reader import Reader
from litestar import Litestar, Request, post
from litestar.params import JSONBody
from pydantic import BaseModel

from esm_client.core import schemas
from esm_client.core.artifact.manifest import manifest_digest
from esm_client.core.errors import InvalidInput, RangeNotSatisfiable, error_class
from esm_client.core.references import Reference, check_alias, check_digest, check_name
from esm_client.ranking.local.space import Held, read_state
from esm_client.ranking.rows import shield_notes
from esm_client.ranking.shield import examine
from esm_client.remote.cache.sketches import CachedSketches
from esm_client.remote.config.credentials import read_credentials
from esm_client.remote.http.answers import error_of, parse_answer
from esm_client.remote.verdicts.record import Waiting
from esm_client.remote.verdicts.store import Verdicts, sealed
from esm_server.artifacts.ranges import select
from esm_server.bodies import JsonRequest
from esm_server.held_bytes import HeldBytes
from esm_server.pagination import Slice
from esm_server.problems import problem_response
from esm_server.rankings.incoming import read_ranking
from esm_server.responses import ContractResponse

_TASK = {"data_set": "test/a", "text_columns": ["text"], "num_rows": 10}
_WHEN = "2026-01-01T00:00:00Z"
_ESM = {"reference": "a/b@1", "digest": "sha256:" + "0" * 64}
_DETAIL = {
    **_ESM, "namespace": "a", "name": "b", "version": 1, "space": "tiny", "architecture": "linear",
    "dimension": 8, "task": _TASK, "fit": None, "manifest": seeds.MANIFEST, "created_at": _WHEN,
    "created_by": "x", "card": "", "provenance": {"big": 2**70},
}  # fmt: skip
_SPACE = {
    "name": "tiny", "identity": seeds.FINGERPRINT["identity"], "num_esms": 1, "weight_digests": [],
    "tokenizer_digests": [], "created_at": _WHEN, "canaries": [[1.0, 2.0]],
}  # fmt: skip
_LIVE = {"space": _SPACE, "generation": 3, "live": [{"key": 1, **_ESM}], "lost": []}
_RECEIPT = {
    "id": "r", "space": "tiny", "space_verified": True, "created_at": _WHEN, "created_by": "x",
    "score_name": "s", "score_version": 1, "intercept": True, "kind": "classification",
    "num_rows": 3, "num_label_columns": 2, "label_map_digest": "sha256:" + "0" * 64,
    "identity_score": -0.5, "pool_generation": 1, "pool_size": 1, "skipped": [], "seconds": 0.1,
    "rows": [{**_ESM, "task": _TASK, "score": -0.1, "gain": 0.4}],
}  # fmt: skip
REQUESTS: dict[type[BaseModel], Any] = {
    schemas.EsmVersionCreate: seeds.VERSION,
    schemas.PackedEsm: json.loads(seeds.PACKED),
    schemas.EsmVersionUpdate: {"card": "x", "source": json.loads(seeds.SOURCE)},
    schemas.EsmUpdate: {"description": "x", "tags": ["a", "b"], "superseded_by": "a/b"},
    schemas.AliasUpdate: {"version": 1, "protected": True, "expected": 0},
    schemas.YankCreate: {"reason": "broken"},
    schemas.SourceModelCreate: {
        "files": {"config.json": {"sha256": "sha256:" + "0" * 64, "size": 3}},
    },
    schemas.SpaceCreate: {"name": "tiny", "fingerprint": seeds.FINGERPRINT, "location": "/mnt"},
    schemas.SpaceUpdate: {"location": "x", "retired": True, "successor": "b"},
    schemas.NamespaceCreate: {"name": "team", "description": "x", "private": True},
    schemas.NamespaceUpdate: {"quota_bytes": 10**9, "private": False},
    schemas.MemberUpdate: {"role": "reader"},
    schemas.TokenCreate: {"name": "t", "scope": "read", "user": "u", "expires_in_days": 3},
    schemas.UserUpdate: {"disabled": True},
    schemas.RankingCreate: {
        "space": "tiny", "sketch": seeds.b64(seeds.SKETCHES[0]), "fingerprint": seeds.FINGERPRINT,
        "filter": {"task": ["imdb"], "language": ["en"]}, "limit": 10, "wait": 1.0,
    },
    schemas.OutcomeCreate: {"reference": "a/b", "metric": 0.5, "seed": 1, "method_ranks": {"x": 2},
                            "rank": 1},
    schemas.SimilarQuery: {"space": "tiny", "embedding": seeds.b64(bytes(32)), "limit": 3},
    schemas.SourceSketchQuery: {"digests": ["sha256:" + "0" * 64]},
}  # fmt: skip
ANSWERS: dict[type[BaseModel], Any] = {
    schemas.EsmVersionDetail: _DETAIL,
    schemas.LiveSpace: _LIVE,
    schemas.RankingReceipt: _RECEIPT,
    schemas.RankingJob: {"id": "r", "state": "running", "done": 1, "total": 2},
    schemas.Identity: {"name": "x", "scope": "read", "roles": {"team": "reader"}},
    schemas.Page[schemas.Esm]: {"items": [{"namespace": "a", "name": "b", "num_versions": 1,
                                           "latest": _DETAIL}], "next": "a/b"},
    schemas.PackReport: {"results": [{"name": "b", "version": 1, "is_new": True}]},
}  # fmt: skip


@post("/RankingCreate")
async def _rank(request: Request[Any, Any, Any]) -> ContractResponse[Any]:
    wanted = await read_ranking(request, HeldBytes(2**30, "").of("x"))
    json.dumps(wanted.model_dump(mode="json")).encode()
    return ContractResponse(wanted)


class App:
    """The server's own way from a body to a request and from an error to an answer."""

    def __init__(self) -> None:
        self._app = Litestar(
            [self._handler(model) for model in REQUESTS if model is not schemas.RankingCreate]
            + [_rank],
            request_class=JsonRequest,
            exception_handlers={Exception: problem_response},
            response_class=ContractResponse,
            request_max_body_size=2**22,
            logging_config=None,
            openapi_config=None,
        )
        self._loop = asyncio.new_event_loop()

    @staticmethod
    def _handler(model: type[BaseModel]) -> Any:
        @post(f"/{model.__name__}", sync_to_thread=False)
        def take(data: JSONBody[model]) -> ContractResponse[Any]:  # type: ignore[valid-type]
            manifest = getattr(data, "manifest", None)
            if manifest is not None:
                manifest_digest(manifest)
            json.dumps(data.model_dump(mode="json")).encode()  # as the database keeps it
            return ContractResponse(data)

        return take

    def send(self, path: str, body: bytes) -> None:
        """Raise what the answer says."""
        status, answer = self._loop.run_until_complete(self._call(path, body))
        if status >= 400:
            problem = schemas.Problem.model_validate_json(answer)
            if status >= 500:
                raise RuntimeError(f"answered {status} {problem.code}: {problem.detail}")
            raise error_class(problem.code)(problem.detail, problem.hint)

    async def _call(self, path: str, body: bytes) -> tuple[int, bytes]:
        scope: Any = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "scheme": "http", "server": ("x", 80), "client": ("127.0.0.1", 1), "state": {},
            "headers": [(b"content-type", b"application/json"),
                        (b"content-length", str(len(body)).encode())],
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])


_APP = App()


def _request(model: type[BaseModel]) -> Reader:
    path, seed = f"/{model.__name__}", json.dumps(REQUESTS[model]).encode()
    return Reader(
        f"request-{model.__name__}", "json", lambda data: _APP.send(path, data), [seed], [DEEP]
    )


def _answer(model: type[BaseModel]) -> Reader:
    name = model.__name__.replace("[", "-").strip("]")
    return Reader(
        f"answer-{name}",
        "json",
        lambda data: parse_answer(model, data, "http://x"),
        [json.dumps(ANSWERS[model]).encode()],
        [DEEP],
    )


def _in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], None]:
    path = Path(tempfile.mkdtemp(dir=seeds.FOLDER)) / name

    def write_and_read(data: bytes) -> None:
        path.write_bytes(data)
        path.chmod(0o600)
        read(path)

    return write_and_read


def _problem(data: bytes) -> None:
    schemas.Problem.of(error_of(400, "application/problem+json", data, "http://x"))


def _headers(data: bytes) -> None:
    text = data.decode("latin-1")
    for name in ("range", "if-range", "if-none-match"):
        try:
            part = select({"range": "bytes=0-5", name: text}, 100, '"x"')
        except RangeNotSatisfiable:
            continue
        if not 0 <= part.start <= part.stop <= 100:
            raise AssertionError(f"{part} of 100 bytes")


def _reference(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    str(Reference.parse(text))


def _names(data: bytes) -> None:
    text = data.decode("latin-1")
    for check in (check_name, check_digest, check_alias, lambda it: Slice(it, 10).after_number()):
        with suppress(InvalidInput):
            check(text)


def _record(suffix: str) -> Callable[[bytes], None]:
    """A record of a ranking as it lies on the disk, and what is made of it."""
    verdicts = Verdicts(Path(tempfile.mkdtemp(dir=seeds.FOLDER)), "http://x")
    verdicts.folder.mkdir()
    rows = schemas.RankingReceipt.model_validate(_RECEIPT).rows
    key = hashlib.sha256(b"http://x\nr").hexdigest()

    def read(data: bytes) -> None:
        whole = b"{" + data[1:]  # under its seal, which keeps all others out
        (verdicts.folder / f"{key}{suffix}").write_bytes(sealed(whole))
        record = verdicts.find("r")
        if isinstance(record, Waiting):
            examine(rows, {}, record.target)
        elif record is not None:
            report = record.report(rows)
            shield_notes(report, [row for row in rows if row.reference in report.left_out])

    return read


def _sketch_answer(data: bytes) -> None:
    sketch = parse_answer(schemas.SourceSketch, data, "http://x")

    class Registry:
        """Answers with that sketch."""

        def query(self, digests: Any) -> list[schemas.SourceSketch]:
            return [sketch]

    CachedSketches(seeds.FOLDER / "sketches").fetch(Registry(), [sketch.digest])  # type: ignore[arg-type]


_SKETCH_ANSWER = {"digest": "sha256:" + "0" * 64, "rule": 1, "num_rows": 2, "num_texts": 2,
                  "rows": seeds.b64(bytes([1] * 8 + [2] * 8)), "texts": ""}  # fmt: skip
_OF_RANKING = {"version": 1, "registry": "http://x", "ranking": "r", "rule": 1}
_VERDICT = {**_OF_RANKING, "state": "known", "rows": "sha256:" + "0" * 64,
            "not_compared": ["a/c@1"],
            "holders": [{**_ESM, "matched": 3, "compared": 4, "exact": True, "left_out": True}],
            "groups": [["a/b@1", "a/c@1"]]}  # fmt: skip
_WAITING = {**_OF_RANKING, "state": "waiting", "keep_copies": False,
            "rows": seeds.b64(bytes([1] * 8 + [2] * 8)), "texts": ""}  # fmt: skip
_PULLED = seeds.pack(json.dumps(_DETAIL).encode())
_PROBLEM = {"title": "x", "status": 400, "detail": "d", "code": "invalid-input", "hint": "h"}
WIRE_READERS = [
    *(_request(model) for model in REQUESTS),
    *RANKING_READERS,
    *(_answer(model) for model in ANSWERS),
    Reader("answer-SourceSketch", "json", _sketch_answer, [json.dumps(_SKETCH_ANSWER).encode()]),
    Reader("problem", "json", _problem, [json.dumps(_PROBLEM).encode()]),
    Reader("pulled-pack", "pack", _in_file("a.pack", lambda p: Held().add(p)), [_PULLED]),
    Reader("pulled-space", "json", _in_file("space.json", lambda p: read_state(p.parent)),
           [json.dumps(_LIVE).encode()], [DEEP]),
    Reader("verdict", "json", _record(".json"), [json.dumps(_VERDICT).encode()], [DEEP]),
    Reader("waiting", "json", _record(".waiting"), [json.dumps(_WAITING).encode()], [DEEP]),
    Reader("credentials", "json", _in_file("credentials.json", read_credentials),
           [b'{"default": "http://x", "tokens": {"http://x": "esmr_a"}, "in_keyring": []}'],
           [DEEP]),
    Reader("reference", "text", _reference, [b"team/hotel@3", b"team/x@sha256:" + b"0" * 64]),
    Reader("names", "text", _names, [b"123", b"latest"]),
    Reader("range-headers", "text", _headers, [b"bytes=0-9", b'"x"', b'W/"y", *']),
]  # fmt: skip
