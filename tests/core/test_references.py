import pytest

from esm_client.core.errors import InvalidName
from esm_client.core.references import (
    Reference,
    check_digest,
    check_name,
    check_new_user,
    robot_name,
)

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize("name", ["a", "0", "_x", "-x", "a.b-c_d", "x" * 96])
def test_legal_names(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "A", "a b", "a/b", "a@b", "é", "a\n", "x" * 97, "\x00", "a:b"]
)
def test_illegal_names_are_shown_and_explained(name):
    with pytest.raises(InvalidName, match=r"not a legal namespace.*Use 1 to 96 characters"):
        check_name(name, "namespace")


@pytest.mark.parametrize("digest", ["", "sha256:", DIGEST[:-1], DIGEST + "0", DIGEST.upper()])
def test_illegal_digests(digest):
    assert check_digest(DIGEST) == DIGEST
    with pytest.raises(InvalidName, match="not a digest"):
        check_digest(digest)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("team/reviews", Reference("team", "reviews")),
        ("team/reviews@latest", Reference("team", "reviews")),
        ("team/reviews@3", Reference("team", "reviews", "3")),
        (f"team/reviews@{DIGEST}", Reference("team", "reviews", DIGEST)),
    ],
)
def test_references(text, expected):
    reference = Reference.parse(text)
    assert reference == expected
    assert reference.path == "team/reviews"
    assert reference.is_pinned == (DIGEST in text)
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "team",
        "team/",
        "/reviews",
        "a/b/c",
        "a/b@",
        "a/b@0",
        "a/b@-1",
        "a/b@01",
        "a/b@1.0",
        "a/b@V1",
        "a/b@3@4",
        "a/b@Latest",
        "a/b@3\n",
        "a/b@9999999999",
        "../b",
        "a/..",
        "a/b@sha256:12",
        "a/b@" + DIGEST.upper(),
    ],
)
def test_illegal_references(text):
    with pytest.raises(InvalidName):
        Reference.parse(text)


def test_names_of_robots():
    assert robot_name("team", "ci") == "robot.team.ci"
    assert robot_name("team", "robot.team.ci") == "robot.team.ci"
    assert robot_name("a.b", "c") == "robot.a.b.c"


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("a", "b.c"),  # would be that of a.b
        ("team", "robot.other.ci"),
        ("team", "robot.team."),
        ("team", ""),
        ("team", "Ci"),
        ("t" * 90, "ci"),
    ],
)
def test_what_no_robot_is_called(namespace, name):
    with pytest.raises(InvalidName):
        robot_name(namespace, name)


@pytest.mark.parametrize("name", ["robot.team.ci", "robot.", "Anna", ""])
def test_what_no_new_user_is_called(name):
    with pytest.raises(InvalidName):
        check_new_user(name)


@pytest.mark.parametrize("name", ["anna", "robot", "robots.x", "john.doe"])
def test_what_a_new_user_may_be_called(name):
    assert check_new_user(name) == name
