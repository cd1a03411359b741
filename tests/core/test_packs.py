"""The reader of packs: what it takes, and that it holds nothing of unknown size."""

import io
import tarfile
import tracemalloc

import pytest

from esm_client.core.errors import InvalidInput, TooLarge
from esm_client.core.packs import document, pack_bytes, pack_size, read_pack

BLOB = "blobs/sha256-" + "0" * 64
ESM = "esms/000000000.json"


def read(data, **options):
    return [
        (entry.name, entry.size, entry.read()) for entry in read_pack(io.BytesIO(data), **options)
    ]


def packed(*members):
    return b"".join(pack_bytes([document(name, data) for name, data in members]))


def archive(name, *, kind=tarfile.REGTYPE, data=b"{}", layout=tarfile.USTAR_FORMAT):
    """As another program writes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=layout) as file:
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, len(data)
        file.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def test_any_offset_gives_the_rest_of_the_same_bytes():
    members = [document("pack.json", b"{}"), document(ESM, b"x" * 1500)]
    whole = b"".join(pack_bytes(members))
    assert len(whole) == pack_size(members)
    for start in (0, 1, 511, 512, 514, 1024, 1999, len(whole) - 1, len(whole)):
        assert b"".join(pack_bytes(members, start)) == whole[start:]
    assert read(whole) == [("pack.json", 2, b"{}"), (ESM, 1500, b"x" * 1500)]


def test_what_other_programs_write_is_read_and_entries_may_be_passed_over():
    assert read(archive(BLOB)) == [(BLOB, 2, b"{}")]
    data = packed((BLOB, b"a" * 700), (ESM, b"{}"), (BLOB, b""))
    assert [entry.name for entry in read_pack(io.BytesIO(data))] == [BLOB, ESM, BLOB]
    first = next(read_pack(io.BytesIO(data)))
    assert data[first.offset : first.offset + 700] == b"a" * 700
    assert (first.read(600), first.read(600), first.read(600)) == (b"a" * 600, b"a" * 100, b"")


@pytest.mark.parametrize(
    "name",
    [
        "blobs/sha256-../../../../../etc/passwd",
        "blobs/sha256-" + "0" * 63,
        "blobs/sha256-" + "A" * 64,
        BLOB + "/x",
        "esms/../x.json",
        "esms/1.json",
        "../pack.json",
        "pack.json.x",
        "",
    ],
)
def test_names_that_no_pack_holds(name):
    with pytest.raises(InvalidInput, match="it holds"):
        read(packed((name, b"{}")))


@pytest.mark.parametrize("kind", [b"1", b"2", b"5", b"L", b"K", b"x", b"g", b"S"])
def test_headers_of_other_kinds(kind):
    with pytest.raises(InvalidInput, match="no plain file"):
        read(archive(BLOB, kind=kind))


@pytest.mark.parametrize("layout", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_longer_headers_are_never_held_in_memory(layout):
    """The name of a member in a header of its own, of 64 MiB; and two thousand of them."""
    long = archive("esms/" + "a" * 2**26, layout=layout)
    many = archive("esms/" + "a" * 200, layout=layout)[:-9000] * 2000
    tracemalloc.start()
    for data in (long, many):
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        with pytest.raises(InvalidInput):
            list(read_pack(io.BytesIO(data)))
        # io.BytesIO copies nothing of bytes that it is given
        assert tracemalloc.get_traced_memory()[1] - before < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: b"", "it has no end"),
        (lambda data: b"no tar at all" * 100, "begins no file"),
        (lambda data: data[:700], "it ends within"),
        (lambda data: data[:1024], "it has no end"),
        (lambda data: data.replace(b"00000400", b"00000401", 1), "begins no file"),
        (lambda data: data.replace(b"ustar\0", b"ustar ", 1), "begins no file"),
    ],
)
def test_damage(spoil, said):
    with pytest.raises(InvalidInput, match=said):
        read(spoil(packed((ESM, b"{}" * 128))))


def test_limits():
    with pytest.raises(TooLarge, match="has 11 bytes; at most 10 are taken"):
        read(packed((BLOB, b"x" * 11)), max_blob_bytes=10)
    with pytest.raises(TooLarge):
        read(packed((ESM, bytes(2**24 + 1))))
