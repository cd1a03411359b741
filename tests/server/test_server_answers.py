"""Large answers: made some at a time, and kept nowhere while they are sent."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from esm_client.core.errors import Conflict
from esm_client.core.limits import MAX_JSON_BYTES
from esm_client.core.schemas import PackReport, PackResult
from esm_server.packs.outgoing import _Documents
from esm_server.responses import item_by_item
from esm_server.runner import warn_of_large_bodies
from esm_server.settings import Settings


@pytest.mark.parametrize("names", [[], ["a"], ["a", '"results":[]', "é\n"]])
def test_item_by_item_writes_what_pydantic_writes(names):
    report = PackReport(results=[PackResult(name=name) for name in names])
    assert item_by_item(report, "results") == report.model_dump_json().encode()


def detail_of(reference: str, card: str) -> Any:
    return SimpleNamespace(reference=reference, model_dump_json=lambda: f"{reference} {card}")


class TestDocumentsOfAPack:
    def test_they_are_made_again_when_they_are_sent_and_not_kept(self):
        """Those of a pack lay in memory, hundreds of megabytes, until somebody had taken it."""
        reads: list[int] = []

        def details() -> list[Any]:
            reads.append(1)
            return [detail_of("a", "x"), detail_of("b", "y")]

        documents = _Documents(details)
        members = [documents.member(one.reference, one)[0] for one in details()]
        assert documents._made == {}
        assert [b"".join(member.read(0)) for member in members] == [b"a x", b"b y"]
        assert len(reads) == 2  # once for both when they were sent
        assert documents._made == {}
        assert b"".join(members[1].read(2)) == b"y"
        assert [member.size for member in members] == [3, 3]

    def test_one_that_changed_meanwhile_is_not_sent(self):
        found = [detail_of("a", "x")]
        documents = _Documents(lambda: cast("Any", found))
        member, _ = documents.member("esm", found[0])
        found[0] = detail_of("a", "y")
        with pytest.raises(Conflict, match="a changed"):
            member.read(0)
        found.clear()
        with pytest.raises(Conflict, match="a changed"):
            member.read(0)


@pytest.mark.parametrize(("size", "warned"), [(MAX_JSON_BYTES, False), (2**22, True)])
def test_a_limit_of_an_earlier_version_is_warned_of(tmp_path, caplog, size, warned):
    """deploy/env.example had 4 MiB."""
    warn_of_large_bodies(Settings(data_dir=tmp_path, max_body_bytes=size))
    assert ("ESM_SERVER_MAX_BODY_BYTES is 4194304" in caplog.text) == warned
