"""A base model that costs nothing: two random layers of 32 dimensions, for tests of logic.

It lies in a folder as a real one does (config, safetensors, WordPiece tokenizer, pooling) and goes
through the same loading code. What it embeds tells texts apart by their words and means nothing.
"""

import json
import re
import string
from pathlib import Path

from docs.demo.tasks.write import GENERATORS

DIMENSION = 32
LAYERS = 2
MAX_LENGTH = 512
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONFIG = {
    "hidden_size": DIMENSION,
    "intermediate_size": 2 * DIMENSION,
    "num_attention_heads": 2,
    "max_position_embeddings": MAX_LENGTH,
    "pad_token_id": 0,
    "initializer_range": 0.2,  # so that a layer more or less is another model
}


def write_tiny_bert(folder: Path, *, seed: int = 0, layers: int = LAYERS) -> Path:
    """Write the base model into a folder that is not there yet; the same bytes for one seed."""
    import torch
    import transformers

    vocabulary = _vocabulary()
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = transformers.BertConfig(
            **CONFIG, num_hidden_layers=layers, vocab_size=len(vocabulary)
        )
        transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizer(
        {token: number for number, token in enumerate(vocabulary)}, do_lower_case=True
    ).save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "mean"}))
    return folder


def _vocabulary() -> list[str]:
    """Characters, and the words of the demo's tasks whole."""
    signs = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    rows = (row for generate in GENERATORS.values() for row in generate(0)[:60])
    texts = " ".join(str(value) for row in rows for value in row.values()).lower()
    words = {word for word in re.findall(r"[a-z]+", texts) if len(word) > 1}
    return [*SPECIAL, *signs, *(f"##{sign}" for sign in signs), *sorted(words)]
