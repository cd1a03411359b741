"""The source model itself: keeping it, and taking one that exists already."""

import stat
from pathlib import Path

from esm_client.core.errors import SpaceMismatch
from esm_client.core.tensors import dump_tensors
from esm_client.lab.base_model import find_base_model, load_base_model, quiet
from esm_client.lab.data.task import TextTask
from esm_client.lab.embedding import Embedder
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.extras import require
from esm_client.lab.training.finetune import FineTuned

HEAD = "head.safetensors"


def save_source_model(folder: Path, tuned: FineTuned, encoder: TextEncoder, task: TextTask) -> None:
    """Write a folder that plain transformers loads (`AutoModel.from_pretrained`).

    The head, which reads the space's pooled embedding or its tokens and so is none of
    transformers' own classes, lies beside it in head.safetensors: `weight` (outputs, D) and
    `bias` (outputs,); its metadata names kind and pooling. Names of classes are not written.
    """
    with quiet(require("transformers")):
        tuned.model.save_pretrained(folder)
        encoder.tokenizer.save_pretrained(folder)
    head = {
        name: value.detach().cpu().float().numpy() for name, value in tuned.head.named_parameters()
    }
    metadata = {"kind": task.kind, "pooling": encoder.pooling}
    (folder / HEAD).write_bytes(dump_tensors(head, metadata))
    mode = stat.S_IMODE((folder / HEAD).stat().st_mode)
    for path in folder.iterdir():  # weights come out readable by their owner alone
        path.chmod(mode)


def load_source_model(source_model: str | Path, embedder: Embedder) -> TextEncoder:
    """A fine-tuned model with the settings of a base model's space, on its device.

    Raises SpaceMismatch for another architecture, width or vocabulary, and what loading raises.
    """
    base = embedder.encoder
    model, tokenizer = load_base_model(find_base_model(source_model), base.pooling)
    mine, its = base.model.config, model.config
    for what, one, other in (
        ("model type", mine.model_type, its.model_type),
        ("width", mine.hidden_size, its.hidden_size),
        ("number of layers", mine.num_hidden_layers, its.num_hidden_layers),
        ("tokens in the vocabulary", len(base.tokenizer), len(tokenizer)),
    ):
        if one != other:
            raise SpaceMismatch(
                f"{source_model} was not fine-tuned from this base model: {what} {other}, not "
                f"{one}.",
                "Name the base model that it was fine-tuned from.",
            )
    return base.with_model(model.to(base.device))
