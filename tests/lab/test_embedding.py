import hashlib

import numpy as np
import pytest
import torch
from support.base_models import with_minilm as pytest_generate_tests  # noqa: F401
from transformers import AutoModel, AutoTokenizer, DistilBertConfig, DistilBertModel

from esm_client.core.errors import InvalidEmbeddings, InvalidInput, SpaceMismatch
from esm_client.core.spaces import check_same_space
from esm_client.lab import encoder
from esm_client.lab.embedding import Embedder
from esm_client.lab.pooling import detect_pooling

TEXTS = [
    "The harbour was closed for the winter.",
    "no",
    "ÉCOLE, naïve Äpfel & 3.14159 — WHY not?! 北京",
    " ".join(f"clause {n} about nothing," for n in range(200)),
    ("Is it open?", "Only on Sundays."),
    "A rather ordinary sentence of about a dozen words, nothing more.",
] * 3


def naive(folder, texts, pooling, max_length=128, separator=" [SEP] "):
    """One text at a time, without padding, straight from the definition of the poolings; behind
    it the mean of the inner layer two thirds up."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    model.eval()
    rows = []
    for text in texts:
        joined = text if isinstance(text, str) else text[0] + separator + text[1]
        encoded = tokenizer(joined, truncation=True, max_length=max_length, return_tensors="pt")
        with torch.no_grad():
            output = model(**encoded, output_hidden_states=True)
        pooled = {
            "mean": output.last_hidden_state[0].mean(0),
            "first-token": output.last_hidden_state[0, 0],
            "pooler": output.pooler_output[0],
        }[pooling]
        inner = output.hidden_states[{2: 1, 6: 4}[model.config.num_hidden_layers]][0].mean(0)
        rows.append(torch.cat([pooled, inner]).numpy())
    return np.stack(rows)


@pytest.mark.parametrize("pooling", ["mean", "first-token", "pooler"])
def test_embeddings_equal_one_text_at_a_time(model_folder, pooling, dimension):
    embedder = Embedder(model_folder, device="cpu", pooling=pooling, batch_size=4)
    embeddings = embedder.embed(TEXTS)
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (len(TEXTS), 2 * dimension)
    np.testing.assert_allclose(embeddings, naive(model_folder, TEXTS, pooling), atol=1e-5)


@pytest.mark.parametrize("settings", [{"max_length": 16}, {"separator": " || "}])
def test_settings_reach_the_tokenizer(model_folder, settings):
    embedder = Embedder(model_folder, device="cpu", **settings)
    expected = naive(model_folder, TEXTS[:6], "mean", **settings)
    np.testing.assert_allclose(embedder.embed(TEXTS[:6]), expected, atol=1e-5)


def test_the_order_and_the_neighbours_of_a_text_do_not_matter(embedder):
    forwards, backwards = embedder.embed(TEXTS), embedder.embed(TEXTS[::-1])
    np.testing.assert_allclose(forwards, backwards[::-1], atol=1e-5)
    np.testing.assert_allclose(forwards[1:2], embedder.embed(TEXTS[1:2]), atol=1e-5)


def test_a_pair_is_the_joined_string(embedder):
    pair, joined = embedder.embed([("a b", "c"), "a b [SEP] c"])
    np.testing.assert_allclose(pair, joined, atol=1e-6)


def test_texts_are_tokenised_in_chunks(model_folder, monkeypatch):
    monkeypatch.setattr(encoder, "BATCHES_PER_CHUNK", 3)
    embedder = Embedder(model_folder, device="cpu", batch_size=2)
    sizes = []
    tokenise = embedder.encoder.tokenise
    monkeypatch.setattr(
        embedder.encoder, "tokenise", lambda texts: sizes.append(len(texts)) or tokenise(texts)
    )
    embedder.embed(["short"] * 14)
    assert sizes == [6, 6, 2]


def test_a_model_left_in_training_mode_embeds_without_dropout(embedder, model_folder):
    model = AutoModel.from_pretrained(model_folder).train()
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    other = Embedder.from_model(model, tokenizer, base_model="x")
    model.train()
    np.testing.assert_allclose(other.embed(["a b c"]), embedder.embed(["a b c"]), atol=1e-5)


def test_no_texts_give_an_empty_array(embedder, dimension):
    assert embedder.embed([]).shape == (0, 2 * dimension)


def test_half_a_surrogate_pair_is_survived(embedder):
    broken, replaced = embedder.embed(["tweet \ud83d", "tweet ?"])
    np.testing.assert_array_equal(broken, replaced)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one string", "single string"),
        (["fine", 3], "Row 1 .* int"),
        ([None], "Row 0 .* NoneType"),
        ([("a", "b", "c")], "Row 0 .* tuple"),
        ([("a", None)], "Row 0 .* tuple"),
    ],
)
def test_what_is_no_text_is_refused(embedder, texts, message):
    with pytest.raises(InvalidInput, match=message):
        embedder.embed(texts)


def test_nan_embeddings_are_refused(model_folder):
    model = AutoModel.from_pretrained(model_folder)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    torch.nn.init.constant_(model.encoder.layer[0].output.dense.bias, float("nan"))
    with pytest.raises(InvalidEmbeddings, match="row 0 holds NaN"):
        Embedder.from_model(model, tokenizer, base_model="x").embed(["a"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used"),
        ({"device": "abacus"}, "device 'abacus' cannot be used"),
        ({"max_length": 0}, "max_length is 0; this model reads 1 to 512"),
        ({"max_length": 513}, "max_length is 513"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"separator": "-" * 30}, "separator is '-----"),
    ],
)
def test_settings_that_cannot_work_are_refused(model_folder, settings, message):
    with pytest.raises(InvalidInput, match=message):
        Embedder(model_folder, **{"device": "cpu"} | settings)


def test_a_model_without_pooler_output_says_so(model_folder):
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    config = DistilBertConfig(vocab_size=30522, dim=32, hidden_dim=32, n_layers=1, n_heads=2)
    with pytest.raises(InvalidInput, match=r"no pooler output.*mean"):
        Embedder.from_model(DistilBertModel(config), tokenizer, base_model="x/y", pooling="pooler")


@pytest.mark.parametrize(
    ("text", "pooling"),
    [
        ('{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}', "mean"),
        ('{"pooling_mode_mean_tokens": false, "pooling_mode_cls_token": true}', "first-token"),
        ('{"pooling_mode": "cls", "embedding_dimension": 4}', "first-token"),
        (None, "mean"),
    ],
)
def test_pooling_is_read_from_the_folder(tmp_path, text, pooling):
    if text is not None:
        (tmp_path / "1_Pooling").mkdir()
        (tmp_path / "1_Pooling" / "config.json").write_text(text)
    assert detect_pooling(tmp_path) == pooling


@pytest.mark.parametrize("text", ['{"pooling_mode_max_tokens": true}', "{", "{}", "[]"])
def test_a_foreign_pooling_is_refused(tmp_path, text):
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(text)
    with pytest.raises(InvalidInput, match="Choose `pooling`: "):
        detect_pooling(tmp_path)


def test_the_fingerprint_names_files_and_settings(embedder, model_folder):
    fingerprint = embedder.fingerprint
    weights = hashlib.sha256((model_folder / "model.safetensors").read_bytes()).hexdigest()
    assert fingerprint.weight_digest == f"sha256:{weights}"
    assert fingerprint.tokenizer_digest is not None
    assert fingerprint.identity == embedder.identity
    assert embedder.identity.pooling == "mean"
    assert str(model_folder.parent) not in fingerprint.model_dump_json()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_the_same_space(embedder, model_folder, dtype):
    model = AutoModel.from_pretrained(model_folder).to(dtype)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    other = Embedder.from_model(model, tokenizer, base_model="somewhere/else")
    assert other.embed(["a"]).dtype == np.float32
    check_same_space("minilm", embedder.fingerprint, other.fingerprint)


def test_half_the_layers_are_another_space(narrow, model_folder):
    model = AutoModel.from_pretrained(
        model_folder, num_hidden_layers=narrow.encoder.model.config.num_hidden_layers // 2
    )
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    other = Embedder.from_model(model, tokenizer, base_model=narrow.identity.base_model, views=None)
    with pytest.raises(SpaceMismatch, match="canary sentence 0 has cosine"):
        check_same_space("minilm", narrow.fingerprint, other.fingerprint)


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"pooling": "first-token"}, "pooling"),
        ({"pooling": "pooler"}, "pooling"),
        ({"max_length": 64}, "max_length"),
        ({"separator": " "}, "separator"),
    ],
)
def test_another_setting_is_another_space_even_if_it_lies(embedder, model_folder, settings, part):
    other = Embedder(model_folder, device="cpu", **settings).fingerprint
    with pytest.raises(SpaceMismatch, match=f"its {part} is"):
        check_same_space("minilm", embedder.fingerprint, other)
    lie = other.model_copy(update={"identity": embedder.identity})
    with pytest.raises(SpaceMismatch, match="canary"):
        check_same_space("minilm", embedder.fingerprint, lie)


def test_a_text_of_five_megabytes_is_cut_before_it_is_tokenised(embedder, monkeypatch):
    huge = "One sentence of a few words. " * 180_000
    lengths = []
    tokenizer = embedder.encoder.tokenizer

    def watched(texts, **options):
        lengths.append(max(map(len, texts)))
        return tokenizer(texts, **options)

    expected = embedder.embed([huge[:20_000]])
    monkeypatch.setattr(embedder.encoder, "tokenizer", Watched(tokenizer, watched))
    np.testing.assert_allclose(embedder.embed([huge]), expected, atol=1e-6)
    assert lengths == [128_000]


class Watched:
    """A tokenizer that can be called in another way."""

    def __init__(self, tokenizer, call):
        self._tokenizer, self._call = tokenizer, call

    def __call__(self, *args, **kwargs):
        return self._call(*args, **kwargs)

    def __getattr__(self, name):
        return getattr(self._tokenizer, name)
