"""Whatever the bytes, reading ends in an artifact or in an error with a name."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esm_client.core.artifact.directory import EsmArtifact
from esm_client.core.errors import EsmError
from esm_client.core.maps.storage import dump_map

FILES = ("config.json", "model.safetensors", "summary.safetensors", "provenance.json")
SETTINGS = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["x" * 2000, "\ud800", "\0", "../x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def read_all(folder):
    """Read and use everything; only our own errors are let through."""
    try:
        artifact = EsmArtifact.read(folder)
        _ = artifact.fingerprint
        artifact.config.to_json()
        dump_map(artifact.map)
        if artifact.config.space is not None:
            _ = artifact.config.space.default_name
    except EsmError as error:
        str(error).encode()  # a message with half a surrogate pair could not be shown


@pytest.fixture(name="spoiled")
def _spoiled(folder, tmp_path):
    """A function that copies the good folder with one file replaced."""

    def spoil(name, data):
        target = tmp_path / "spoiled"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        (target / name).write_bytes(data)
        return target

    return spoil


@SETTINGS
@given(st.data())
def test_flipped_cut_and_inserted_bytes(folder, spoiled, data):
    name = data.draw(st.sampled_from(FILES))
    content = bytearray((folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(0, min(len(content) - 1, 600))))
        action = data.draw(st.sampled_from(["flip", "cut", "insert", "delete"]))
        if action == "flip" and content:
            content[place] = data.draw(st.integers(0, 255))
        elif action == "cut":
            del content[place:]
        elif action == "insert":
            content[place:place] = data.draw(st.binary(max_size=12))
        else:
            del content[place : place + data.draw(st.integers(1, 20))]
    read_all(spoiled(name, bytes(content)))


@SETTINGS
@given(st.sampled_from(FILES), st.binary(max_size=200))
def test_random_files(spoiled, name, content):
    read_all(spoiled(name, content))


@SETTINGS
@given(st.data())
def test_changed_values_in_the_configuration(folder, spoiled, data):
    document = json.loads((folder / "config.json").read_text())
    part = document
    while True:
        key = data.draw(st.sampled_from(sorted(part)))
        if not isinstance(part[key], dict) or not part[key] or data.draw(st.booleans()):
            break
        part = part[key]
    part[key] = data.draw(VALUES)
    read_all(spoiled("config.json", json.dumps(document).encode()))


@SETTINGS
@given(
    st.dictionaries(
        st.sampled_from(["model.weight", "model.bias", "__metadata__", "x"]),
        st.fixed_dictionaries(
            {},
            optional={
                "dtype": st.sampled_from(["F32", "F64", "F16", "I8", "BOOL", "F8_E4M3", 3, None]),
                "shape": st.lists(st.integers(-1, 2**64), max_size=3) | VALUES,
                "data_offsets": st.lists(st.integers(-1, 2**64), max_size=3) | VALUES,
            },
        )
        | VALUES,
    ),
    st.binary(max_size=64),
)
def test_made_up_tensor_headers(spoiled, header, body):
    text = json.dumps(header).encode()
    read_all(spoiled("model.safetensors", len(text).to_bytes(8, "little") + text + body))
