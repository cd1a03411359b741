"""Which rights a backup loses, from lists alone: each kind, and that nothing is ever added."""

from datetime import UTC, datetime, timedelta

import pytest

from esm_server.db.columns import metadata
from esm_server.operations.rights import (
    ASIDE,
    TABLES,
    MemberRights,
    NamespaceRights,
    Rights,
    TokenRights,
    UserRights,
)
from esm_server.operations.taking_back import fewer, gone

THEN = datetime(2026, 11, 26, tzinfo=UTC)
SINCE = THEN + timedelta(days=3)
END = SINCE + timedelta(days=30)


def token(**changed):
    fields = {
        "user": "ann", "name": "ci", "secret": "0" * 16, "scope": "write", "namespace": None,
        "expires_at": END, "revoked_at": None,
    }  # fmt: skip
    return TokenRights(**{**fields, **changed})


def rights(as_of, *rows):
    def of(kind):
        return [row for row in rows if isinstance(row, kind)]

    return Rights(
        as_of=as_of,
        server_version="1",
        registry="0" * 16,
        users=of(UserRights),
        tokens=of(TokenRights),
        members=of(MemberRights),
        namespaces=of(NamespaceRights),
    )


def lost(before, after):
    """What becomes of a row: its new columns, nothing where it goes, None where it stays."""
    then, since = rights(THEN, before), rights(SINCE, *([] if after is None else [after]))
    changes = fewer(then, since)
    assert len(changes) < 2
    return changes[0].values if changes else None


MEMBER = MemberRights(namespace="n", user="ann", role="maintainer")
ADMIN = UserRights(name="ann", is_admin=True)
OPEN = NamespaceRights(name="n", private=False)


@pytest.mark.parametrize(
    ("before", "after", "becomes"),
    [
        (token(), token(), None),
        (token(), None, {"revoked_at": SINCE}),
        (token(), token(revoked_at=THEN), {"revoked_at": THEN}),
        (token(), token(secret="1" * 16), {"revoked_at": SINCE}),
        (token(), token(secret="1" * 16, revoked_at=THEN), {"revoked_at": THEN}),
        (token(), token(namespace="n"), {"revoked_at": SINCE}),
        (token(namespace="n"), token(namespace="m"), {"revoked_at": SINCE}),
        (token(), token(scope="read"), {"scope": "read"}),
        (token(), token(expires_at=SINCE), {"expires_at": SINCE}),
        (token(expires_at=None), token(), {"expires_at": END}),
        (token(), token(scope="read", expires_at=SINCE), {"scope": "read", "expires_at": SINCE}),
        (MEMBER, MEMBER, None),
        (MEMBER, None, {}),
        (MEMBER, MEMBER.model_copy(update={"namespace": "m"}), {}),
        (MEMBER, MEMBER.model_copy(update={"role": "reader"}), {"role": "reader"}),
        (ADMIN, ADMIN, None),
        (ADMIN, None, {"is_admin": False}),
        (ADMIN, UserRights(name="ann", is_admin=False), {"is_admin": False}),
        (ADMIN, UserRights(name="ann", is_admin=True, disabled_at=THEN, disabled_by="bob"),
         {"disabled_at": THEN, "disabled_by": "bob"}),
        (OPEN, OPEN, None),
        (OPEN, None, {"private": True}),
        (OPEN, NamespaceRights(name="n", private=True), {"private": True}),
    ],
)  # fmt: skip
def test_what_is_taken(before, after, becomes):
    assert lost(before, after) == becomes


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (token(revoked_at=THEN), token()),
        (token(), token(scope="admin")),
        (token(), token(expires_at=None)),
        (MEMBER, MEMBER.model_copy(update={"role": "admin"})),
        (UserRights(name="ann", is_admin=False), ADMIN),
        (UserRights(name="ann", is_admin=False), None),
        (UserRights(name="ann", is_admin=False, disabled_at=THEN),
         UserRights(name="ann", is_admin=False)),
        (NamespaceRights(name="n", private=True), OPEN),
        (NamespaceRights(name="n", private=True), None),
    ],
)  # fmt: skip
def test_what_was_granted_since_does_not_come_with_it(before, after):
    assert lost(before, after) is None


def test_what_is_gone():
    later = token(name="late")
    since = rights(SINCE, token(), later, token(name="dead", revoked_at=THEN), MEMBER)
    found = gone(rights(THEN, token()), since)
    assert [one.names for one in found] == [later.names(), MEMBER.names()]


def test_every_column_that_grants_something_is_looked_at():
    """Whoever adds a column says here whether a restore has to take it back."""
    kinds = dict(zip(TABLES, (UserRights, TokenRights, MemberRights, NamespaceRights), strict=True))
    for table, kind in kinds.items():
        columns = {column.name for column in metadata.tables[table].columns}
        assert columns - set(kind.model_fields) - ASIDE[table] == set(), table
