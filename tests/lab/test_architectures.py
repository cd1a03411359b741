"""Every kind of encoder goes the same way. The tiny models here are shapes without meaning: what
they embed is compared with transformers itself, never judged."""

import json

import numpy as np
import pytest
import torch
import transformers

from esm_client.core.errors import InvalidInput
from esm_client.lab.embedding import Embedder
from esm_client.lab.training.recipe import FineTuneRecipe
from esm_client.lab.training.train import train_esm

SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "max_position_embeddings": 140, "pad_token_id": 0,
}  # fmt: skip
CONFIGS = {
    "Bert": {}, "Roberta": {}, "XLMRoberta": {}, "MPNet": {}, "Camembert": {},
    "Electra": {"embedding_size": 32},
    "DebertaV2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "DistilBert": {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2},
    "ModernBert": {"cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2},
}  # fmt: skip


@pytest.fixture(params=CONFIGS, name="encoder")
def _encoder(request, embedder):
    """An embedder around a small model of one kind, with the tokenizer of the tiny base model."""
    torch.manual_seed(0)
    tokenizer = embedder.encoder.tokenizer
    config = getattr(transformers, f"{request.param}Config")(
        **SMALL | CONFIGS[request.param], vocab_size=len(tokenizer)
    )
    model = getattr(transformers, f"{request.param}Model")(config).eval()
    return Embedder.from_model(model, tokenizer, base_model=f"org/{request.param}", max_length=64)


def test_batches_embed_as_single_texts_do(encoder, toy_task):
    model, tokenizer = encoder.encoder.model, encoder.encoder.tokenizer
    texts = toy_task.texts[:5]
    expected = []
    for text in texts:
        encoded = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            layers = model(**encoded, output_hidden_states=True).hidden_states
        expected.append(torch.cat([layers[n][0].mean(0) for n in (2, 1)]).numpy())
    np.testing.assert_allclose(encoder.embed(texts), np.stack(expected), atol=1e-4)


def test_an_esm_can_be_trained(encoder, toy_task):
    artifact = train_esm(toy_task, encoder, FineTuneRecipe(epochs=1, learning_rate=1e-3))
    assert artifact.config.fit.held_out_mse < artifact.config.fit.identity_mse
    assert artifact.map.dimension == 32


def test_inner_layers_of_fewer_tokens_give_no_views(embedder):
    tokenizer = embedder.encoder.tokenizer
    config = transformers.FunnelConfig(
        vocab_size=len(tokenizer), block_sizes=[1, 2], num_decoder_layers=1, d_model=32,
        n_head=2, d_head=16, d_inner=64,
    )  # fmt: skip
    model = transformers.FunnelModel(config).eval()
    wide = Embedder.from_model(model, tokenizer, base_model="org/funnel", max_length=64, views=2)
    with pytest.raises(InvalidInput, match="Layer 2 of the base model gives"):
        wide.embed(["one two three four five six"])
    assert wide.with_views(None).embed(["one two"]).shape == (1, 32)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "t5", "is_encoder_decoder": True}, "an encoder with a decoder"),
        ({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, "a decoder, which reads"),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "a decoder, which reads"),
        ({"model_type": "bert", "is_decoder": True}, "a decoder, which reads"),
    ],
)
def test_what_is_no_encoder_is_refused(tmp_path, config, message):
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(InvalidInput, match=message):
        Embedder(tmp_path)
