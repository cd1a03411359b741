"""Inputs that the fuzz found to raise what is no EsmError, or to cost memory."""

import json

import numpy as np
import pytest

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.artifact.source_model import check_local_file
from esm_client.core.artifact.summary import MAX_TOKENS, parse_summary, unpack_vocabulary
from esm_client.core.errors import InvalidArtifact
from esm_client.core.maps.storage import load_map
from esm_client.core.tensors import dump_tensors


@pytest.mark.parametrize("end", ["1e999", "-1e999", "NaN", "[]", "null", '"x"', "{}"])
def test_offsets_that_are_no_numbers(tmp_path, end):
    header = f'{{"a": {{"dtype": "F32", "shape": [1], "data_offsets": [0, {end}]}}}}'.encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(InvalidArtifact):
        check_local_file(path.name, path)


@pytest.mark.parametrize("shape", [(2, 2), (MAX_TOKENS // 64 + 1,)])
def test_vocabularies_that_are_none(shape):
    words = dump_tensors({"vocabulary": np.ones(shape, np.uint64)})
    with pytest.raises(InvalidArtifact, match="vocabulary in summary.safetensors has shape"):
        parse_summary(words, 4)


def test_the_largest_vocabulary():
    words = dump_tensors({"vocabulary": np.ones(MAX_TOKENS // 64, np.uint64)})
    assert max(unpack_vocabulary(parse_summary(words, 4))) == MAX_TOKENS - 64


def test_messages_stay_short():
    name = "n" * 5000
    for read, data in (
        (load_map, dump_tensors({name: np.ones(1, np.float32)})),
        (EsmConfig.from_json, json.dumps({"esm_registry": {"format": name}}).encode()),
    ):
        with pytest.raises(InvalidArtifact) as caught:
            read(data)
        assert len(str(caught.value)) < 1000
