import json

import pytest

from esm_client.core.artifact.config import OUR_KEY, EsmConfig
from esm_client.core.errors import InvalidArtifact

PEER_0_2 = {
    # every key that ESM.save_pretrained of hf-dataset-selector 0.2.1 writes with transformers 5
    "_name_or_path": "",
    "architectures": None,
    "base_model_name": "bert-base-multilingual-uncased",
    "chunk_size_feed_forward": 0,
    "developers": None,
    "dtype": None,
    "esm_architecture": "linear",
    "esm_batch_size": 32,
    "esm_embedding_dim": 768,
    "esm_learning_rate": 0.001,
    "esm_num_epochs": 10,
    "esm_optimizer": None,
    "esm_weight_decay": 0.01,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    "is_encoder_decoder": False,
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
    "label_column": "label",
    "language": "en",
    "lm_batch_size": 32,
    "lm_learning_rate": 2e-05,
    "lm_num_epochs": 3,
    "lm_optimizer": "AdamW",
    "lm_weight_decay": 0.01,
    "model_type": "",
    "num_examples": 10000,
    "output_attentions": False,
    "output_hidden_states": False,
    "problem_type": None,
    "return_dict": True,
    "seed": 42,
    "task_id": "stanfordnlp/imdb",
    "task_split": "train",
    "task_subset": None,
    "text_column": "text",
    "transformers_version": "5.23.0",
    "version": "0.2.1",
}


def read(**changes):
    return EsmConfig.from_json(json.dumps(PEER_0_2 | changes).encode())


def test_a_peers_file_is_read():
    config = read()
    assert config.base_model == "bert-base-multilingual-uncased"
    assert (config.dimension, config.architecture) == (768, "linear")
    task = config.task
    assert (task.data_set, task.split, task.num_rows) == ("stanfordnlp/imdb", "train", 10000)
    assert (task.text_columns, task.label_column) == (("text",), "label")
    assert (config.recipe.lm_learning_rate, config.recipe.esm_num_epochs) == (2e-5, 10)
    assert (config.space, config.fit, task.kind) == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "part", "expected"),
    [
        ({"text_column": ["premise", "hypothesis"]}, "text_columns", ("premise", "hypothesis")),
        ({"text_column": "premise,hypothesis"}, "text_columns", ("premise", "hypothesis")),
        ({"text_column": None}, "text_columns", ()),
        ({"language": ["en", "de"]}, "language", "en,de"),
        ({"language": []}, "language", None),
        ({"num_examples": None}, "num_rows", None),
        ({"num_examples": 1000.0}, "num_rows", 1000),
        ({"version": "0.1.0", "streamed": True}, "data_set", "stanfordnlp/imdb"),
    ],
)
def test_variants_of_a_peers_file_are_read(changes, part, expected):
    assert getattr(read(**changes).task, part) == expected


def test_a_missing_architecture_is_linear_and_a_missing_dimension_the_maps():
    assert read(esm_architecture=None).architecture == "linear"
    document = {k: v for k, v in PEER_0_2.items() if k != "esm_embedding_dim"}
    assert EsmConfig.from_json(json.dumps(document).encode(), 384).dimension == 384
    assert EsmConfig.from_json(json.dumps(PEER_0_2).encode(), 384).dimension == 768


def test_ours_reads_back_and_is_stable(artifact):
    data = artifact.config.to_json()
    assert EsmConfig.from_json(data) == artifact.config
    assert EsmConfig.from_json(data).to_json() == data


def test_a_column_name_with_a_comma_survives(artifact):
    task = artifact.config.task.model_copy(update={"text_columns": ("a,b", "c")})
    config = artifact.config.model_copy(update={"task": task})
    assert EsmConfig.from_json(config.to_json()) == config


def test_what_the_peer_reads_is_flat_and_never_its_legacy_version(artifact):
    document = json.loads(artifact.config.to_json())
    assert document["version"] == "0.2.1"
    assert document["text_column"] == "premise,hypothesis"
    assert document["esm_embedding_dim"] == 6
    reserved = {"num_labels", "dtype", "id2label", "label2id", "architectures", "model_type"}
    assert not reserved & set(document)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_model_name": None}, "'base_model_name' is 'None'"),
        ({"base_model_name": ""}, "'base_model_name' is ''"),
        ({"base_model_name": 3}, "'base_model_name' is '3'"),
        ({"task_id": None}, "'task_id' is 'None'"),
        ({"task_id": "x" * 1001}, "'task_id'"),
        ({"esm_embedding_dim": None}, "'esm_embedding_dim' is 'None'"),
        ({"esm_embedding_dim": 0}, "'esm_embedding_dim' is '0'"),
        ({"esm_embedding_dim": 9000}, "'esm_embedding_dim' is '9000'"),
        ({"esm_embedding_dim": 1.5}, "'esm_embedding_dim' is '1.5'"),
        ({"esm_embedding_dim": float("nan")}, "'esm_embedding_dim' is 'nan'"),
        ({"esm_architecture": "magic"}, "'architecture' is 'magic'"),
        ({"num_examples": -1}, "'num_rows' is '-1'"),
        ({"lm_learning_rate": float("nan")}, "lm_learning_rate"),
        ({"lm_learning_rate": "fast"}, "lm_learning_rate' is 'fast'"),
        ({"text_column": ["a"] * 17}, "text_columns"),
        ({OUR_KEY: [1]}, "is not an object"),
        ({OUR_KEY: {"format": 2}}, "format '2'; this version reads 1"),
        ({OUR_KEY: {"task": [1]}}, "config.json cannot be used"),
        ({OUR_KEY: {"task": {"text_columns": 3}}}, "config.json cannot be used"),
        ({OUR_KEY: {"space": {"base_model": "x"}}}, "space.pooling"),
        ({OUR_KEY: {"fit": {"solver": "magic"}}}, "fit.solver"),
    ],
)
def test_a_file_that_cannot_be_used_names_the_key(changes, message):
    with pytest.raises(InvalidArtifact, match=message):
        read(**changes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b'{"developers": "\\ud800"}', "it is not JSON"),
        (b"null", "it is not a JSON object"),
        (b"\xff\xfe\x00", "it is not JSON"),
        (b"[" * 90_000, "nested too deeply|not JSON"),
        (b"[" * 200_000, "it opens 200000 brackets, more than 100000"),
        (b'{"a":' * 40_000, "nested too deeply|not JSON"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "it is not JSON"),
        (b" " * (256 * 1024 + 1), "it holds 262145 bytes, more than 262144"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else "",
)
def test_what_is_no_json_object_is_refused(data, message):
    with pytest.raises(InvalidArtifact, match=message):
        EsmConfig.from_json(data)
