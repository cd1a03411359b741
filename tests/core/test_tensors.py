import json

import numpy as np
import pytest

from esm_client.core.errors import InvalidArtifact, InvalidSketch
from esm_client.core.limits import MAX_TENSOR_HEADER_BYTES
from esm_client.core.tensors import dump_tensors, load_tensors


def file_of(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_round_trip_keeps_shape_type_and_metadata(dtype):
    arrays = {
        "matrix": np.arange(6, dtype=dtype).reshape(2, 3),
        "transposed": np.arange(6, dtype=dtype).reshape(2, 3).T,
        "empty": np.zeros((0, 3), dtype),
        "scalar": np.array(1.5, dtype),
    }
    back, metadata = load_tensors(dump_tensors(arrays, {"k": "v"}), "x.safetensors")
    assert metadata == {"k": "v"}
    assert set(back) == set(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == dtype
        np.testing.assert_array_equal(back[name], array)


def test_equal_arrays_give_equal_bytes_in_any_order():
    a, b = np.ones(3), np.zeros((2, 2), np.float32)
    assert dump_tensors({"a": a, "b": b}) == dump_tensors({"b": b, "a": a})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "holds 0 bytes, too few"),
        (b"1234567", "holds 7 bytes"),
        ((MAX_TENSOR_HEADER_BYTES + 1).to_bytes(8, "little") + b"{}", "announces a header of"),
        (b"\xff" * 16, "announces a header of"),
        (file_of(b"not json"), "no readable safetensors header: it is not JSON"),
        (file_of(b"[1]"), "not a JSON object"),
        (file_of(b"[" * 100_000), "nested too deeply|not JSON"),
        (file_of(b'{"a":' * 5_000), "nested too deeply|not JSON"),
        (file_of(b"\xff\xfe"), "not JSON"),
        (file_of({"a": entry("I64", (1,), (0, 8))}, b"0" * 8), "'a' of x has dtype 'I64'"),
        (file_of({"a": entry("BF16", (2,))}, b"0" * 4), "dtype 'BF16'"),
        (file_of({"a": [1]}), "dtype 'None'"),
        (file_of({"a": {}}), "dtype 'None'"),
        (file_of({"a": entry(["F32"])}, b"0000"), "has dtype"),
        (file_of({"a": entry({"x": 1})}, b"0000"), "has dtype"),
        (file_of({"__metadata__": [], "a": entry()}, b"0000"), "metadata that is not an object"),
        (file_of({"__metadata__": {"k": 1}, "a": entry()}, b"0000"), "metadata that is not text"),
        (file_of({"a": entry()}), "not a valid safetensors file"),
        (file_of({"a": entry()}, b"00000000"), "not a valid safetensors file"),
        (file_of({"a": entry(shape=(2,))}, b"0000"), "not a valid safetensors file"),
        (file_of({"a": entry(shape=(-1,))}, b"0000"), "not a valid safetensors file"),
        (file_of({"a": entry(shape=(2**62, 2**62))}, b"0000"), "not a valid safetensors file"),
        (file_of({"a": entry(offsets=(4, 0))}, b"0000"), "not a valid safetensors file"),
        (file_of({"a": {"dtype": "F32"}}, b"0000"), "not a valid safetensors file"),
        (dump_tensors({"a": np.ones(4)})[:-1], "not a valid safetensors file"),
        (dump_tensors({"a": np.ones(4)})[:20], "no readable safetensors header|not a valid"),
    ],
)
def test_whatever_is_not_a_file_of_floats_is_refused(data, message):
    with pytest.raises(InvalidArtifact, match=message):
        load_tensors(data, "x")
    with pytest.raises(InvalidSketch, match=message):
        load_tensors(data, "x", InvalidSketch)
