import dataclasses
import json

import numpy as np
import pytest

from esm_client.core.artifact.directory import EsmArtifact, artifact_files, directory_manifest
from esm_client.core.errors import (
    Conflict,
    DimensionMismatch,
    InvalidArtifact,
    InvalidEmbeddings,
    TooLarge,
    UnsafeFile,
)
from esm_client.core.maps.affine import AffineMap
from esm_client.core.tensors import dump_tensors

D = 6


def rewrite(folder, **tensors):
    (folder / "model.safetensors").write_bytes(dump_tensors(tensors))


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def sketched(rows, total):
    counts = np.array([1, total, total], np.uint64)
    return {"source_rows": np.array(rows, np.uint64), "source_counts": counts}


def test_round_trip(artifact, folder):
    back = EsmArtifact.read(folder)
    assert (back.config, back.card) == (artifact.config, artifact.card)
    assert dict(back.provenance) == dict(artifact.provenance)
    for ours, theirs in (
        (artifact.map.weight, back.map.weight),
        (artifact.map.bias, back.map.bias),
        (artifact.summary["text_embedding"], back.summary["text_embedding"]),
        (artifact.summary["canaries"], back.summary["canaries"]),
    ):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert back.fingerprint == artifact.fingerprint
    assert back.fingerprint.weight_digest == "sha256:" + "0" * 64


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_precision_pushed_is_the_precision_pulled(artifact, tmp_path, dtype):
    affine = AffineMap(artifact.map.weight.astype(dtype), artifact.map.bias.astype(dtype))
    folder = dataclasses.replace(artifact, map=affine).write(tmp_path / "x")
    back = EsmArtifact.read(folder).map
    assert back.weight.dtype == back.bias.dtype == dtype
    np.testing.assert_array_equal(back.weight, affine.weight)


def test_the_digest_names_the_content_alone(artifact, tmp_path):
    first = directory_manifest(artifact.write(tmp_path / "a"))
    again = directory_manifest(EsmArtifact.read(tmp_path / "a").write(tmp_path / "b"))
    assert first == again
    assert set(first[0].files) == {"config.json", "model.safetensors", "summary.safetensors"}
    other = dataclasses.replace(artifact, card="another", provenance={"device": "cuda"})
    assert directory_manifest(other.write(tmp_path / "c")) == first
    (tmp_path / "c" / "notes.txt").write_text("unknown files are no part of it")
    assert directory_manifest(tmp_path / "c") == first


def test_the_digest_changes_with_the_content(artifact, tmp_path):
    bias = artifact.map.bias.copy()
    bias[0] = np.nextafter(bias[0], np.float32(9))
    changes = [
        {},
        {"map": AffineMap(artifact.map.weight, bias)},
        {"config": artifact.config.model_copy(update={"developers": "them"})},
        {"summary": {}},
    ]
    digests = {
        directory_manifest(dataclasses.replace(artifact, **c).write(tmp_path / str(i)))[1]
        for i, c in enumerate(changes)
    }
    assert len(digests) == 4


def test_the_digest_of_known_bytes_is_frozen(tmp_path):
    """Two releases must give one directory the same name."""
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert directory_manifest(tmp_path)[1] == (
        "sha256:6910b2892ffcfc95ca5861cda6acb9eab6ac07ece1d3bf0185b9a66f83068b52"
    )


def test_the_map_is_applied(artifact):
    X = np.random.default_rng(1).normal(size=(4, D))
    expected = [artifact.map.weight @ row + artifact.map.bias for row in X]
    np.testing.assert_allclose(artifact.map.apply(X), expected)
    with pytest.raises(InvalidEmbeddings, match=r"shape \(6,\)"):
        artifact.map.apply(X[0, :D])
    with pytest.raises(DimensionMismatch, match="have 5 dimensions, the ESM has 6"):
        artifact.map.apply(X[:, :5])


def test_legacy_tensor_names_are_read(artifact, folder):
    weight, bias = artifact.map.weight, artifact.map.bias
    rewrite(folder, **{"sequential.0.weight": weight, "sequential.0.bias": bias})
    edit_config(folder, version="0.1.0")
    np.testing.assert_array_equal(EsmArtifact.read(folder).map.weight, weight)


def test_only_the_two_required_files_are_needed(folder):
    for name in ("summary.safetensors", "README.md", "provenance.json"):
        (folder / name).unlink()
    bare = EsmArtifact.read(folder)
    assert (bare.summary, bare.card, bare.provenance, bare.fingerprint) == ({}, "", {}, None)


def test_a_dimension_that_the_file_does_not_say_is_the_maps(folder):
    edit_config(folder, esm_embedding_dim=None)
    assert EsmArtifact.read(folder).config.dimension == D


def test_writing_is_whole_or_not_at_all(artifact, tmp_path):
    target = tmp_path / "deep" / "down"
    artifact.write(target)
    with pytest.raises(Conflict, match="exists already"):
        artifact.write(target)
    broken = dataclasses.replace(artifact, provenance={"not JSON": object()})
    with pytest.raises(TypeError):
        broken.write(tmp_path / "broken")
    assert [p.name for p in tmp_path.iterdir()] == ["deep"]
    assert [p.name for p in target.parent.iterdir()] == ["down"]


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InvalidArtifact, match=f"{name} is missing"):
        EsmArtifact.read(folder)


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(InvalidArtifact, match="is not a directory"):
        EsmArtifact.read(tmp_path / "no")


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "x.pt", "X.PKL", "w.npy", "c.ckpt", "j.joblib", ".pickle.pth"]
)
def test_pickle_and_its_kin_are_refused(folder, name):
    (folder / name).write_bytes(b"")
    with pytest.raises(UnsafeFile, match="may run code"):
        EsmArtifact.read(folder)
    with pytest.raises(UnsafeFile, match="may run code"):
        EsmArtifact.from_files({name: folder / name})


def test_other_files_are_refused_where_they_are_named(folder):
    files = artifact_files(folder) | {"../evil.json": folder / "config.json"}
    with pytest.raises(InvalidArtifact, match="is not a file of an ESM"):
        EsmArtifact.from_files(files)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["model.weight", "model.bias"])
def test_numbers_must_be_finite(folder, name, value):
    tensors = {"model.weight": np.eye(D), "model.bias": np.zeros(D)}
    tensors[name].flat[1] = value
    rewrite(folder, **tensors)
    with pytest.raises(InvalidArtifact, match=f"The {name[6:]} of .* holds 1 NaN or infinite"):
        EsmArtifact.read(folder)


@pytest.mark.parametrize(
    ("weight", "bias"),
    [
        ((6, 5), (6,)),
        ((5, 6), (6,)),
        ((6, 6), (5,)),
        ((6, 6), (6, 1)),
        ((36,), (6,)),
        ((0, 0), (0,)),
        ((6, 6), ()),
        ((1, 6, 6), (6,)),
    ],
)
def test_shapes_must_be_those_of_a_square_map(folder, weight, bias):
    rewrite(folder, **{"model.weight": np.zeros(weight), "model.bias": np.zeros(bias)})
    with pytest.raises(InvalidArtifact, match="weight of shape"):
        EsmArtifact.read(folder)


@pytest.mark.parametrize(
    "names",
    [
        ["model.weight"],
        ["model.bias"],
        ["weight", "bias"],
        ["model.weight", "model.bias", "extra"],
        ["model.weight", "sequential.0.bias"],
        [],
    ],
)
def test_tensor_names_must_be_those_of_a_map(folder, names):
    rewrite(folder, **{name: np.zeros((D, D) if "w" in name else D) for name in names})
    with pytest.raises(InvalidArtifact, match="holds the tensors"):
        EsmArtifact.read(folder)


def test_whole_numbers_are_no_weights(folder):
    rewrite(
        folder, **{"model.weight": np.eye(D, dtype=np.int64), "model.bias": np.zeros(D, np.int64)}
    )
    with pytest.raises(InvalidArtifact, match=r"dtype 'I64'.*float16, float32, float64"):
        EsmArtifact.read(folder)


def test_a_truncated_or_foreign_model_file_is_refused(folder):
    path = folder / "model.safetensors"
    data = path.read_bytes()
    for broken in (data[:-1], data[:40], b"", b"\x80\x04." * 9, (2**40).to_bytes(8, "little")):
        path.write_bytes(broken)
        with pytest.raises(InvalidArtifact, match=r"model\.safetensors"):
            EsmArtifact.read(folder)


def test_dimensions_must_agree(artifact, folder):
    edit_config(folder, esm_embedding_dim=7)
    with pytest.raises(DimensionMismatch, match=r"says esm_embedding_dim 7, .* 6 dimensions"):
        EsmArtifact.read(folder)
    space = artifact.config.space.model_copy(update={"dimension": 7})
    with pytest.raises(DimensionMismatch, match="has 6 dimensions, its space 7"):
        dataclasses.replace(artifact, config=artifact.config.model_copy(update={"space": space}))


@pytest.mark.parametrize(
    ("summary", "message"),
    [
        ({"text_embedding": np.zeros(D + 1)}, r"shape \(7,\), not \(6,\)"),
        ({"canaries": np.zeros((4, D))}, r"shape \(4, 6\), not \(5, 6\)"),
        ({"text_embedding": np.full(D, np.nan)}, "NaN or infinite"),
        ({"anything": np.array([np.inf])}, "NaN or infinite"),
        ({"anything": np.array([1], np.uint64)}, "'anything' .* has dtype 'U64'"),
        ({"source_rows": np.array([1.0])}, "'source_rows' .* has dtype 'F64'"),
        ({"source_rows": np.array([1], np.uint64)}, "holds source_rows only"),
        (sketched([2, 1], 2), "hashes that do not increase"),
        (sketched(range(4097), 5000), r"shape \(4097,\)"),
        (sketched([1, 2], 1), "for 1 hashes"),
        (sketched([1, 2], 2**64 - 1), "for 18446744073709551615 hashes"),
    ],
)
def test_a_summary_that_cannot_be_is_refused(folder, summary, message):
    (folder / "summary.safetensors").write_bytes(dump_tensors(summary))
    with pytest.raises(InvalidArtifact, match=message):
        EsmArtifact.read(folder)


def test_a_fingerprint_that_cannot_be_is_an_error_of_ours(artifact):
    zero = dataclasses.replace(artifact, summary={"canaries": np.zeros((5, D), np.float32)})
    with pytest.raises(InvalidArtifact, match=r"canaries.*not zero"):
        _ = zero.fingerprint
    odd = dataclasses.replace(artifact, provenance={"weight_digest": ["md5"]})
    with pytest.raises(InvalidArtifact, match="weight_digest"):
        _ = odd.fingerprint


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("README.md", b"\xff\xfe", InvalidArtifact, "README.md is not UTF-8"),
        ("README.md", b"x" * (256 * 1024 + 1), TooLarge, "README.md holds 262145 bytes"),
        ("provenance.json", b"{", InvalidArtifact, "provenance.json: it is not JSON"),
        ("provenance.json", b'{"a": "\\udc00"}', InvalidArtifact, "it is not JSON"),
        ("provenance.json", b"[]", InvalidArtifact, "not a JSON object"),
        ("provenance.json", b"[" * 60_000, InvalidArtifact, "nested too deeply|not JSON"),
        ("provenance.json", b'"' + b"x" * 70_000 + b'"', TooLarge, "provenance.json holds"),
    ],
)
def test_companions_are_checked(folder, name, content, error, message):
    (folder / name).write_bytes(content)
    with pytest.raises(error, match=message):
        EsmArtifact.read(folder)


def test_an_artifact_beyond_the_limit_is_refused_unread(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(256 * 2**20 + 1)
    with pytest.raises(TooLarge, match="an ESM may hold 268435456"):
        EsmArtifact.read(folder)
