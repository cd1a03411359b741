"""Keeping the source model itself: for those who want to go on with it, not only its ESM."""

from pathlib import Path

from esm_client.core.tensors import dump_tensors
from esm_client.lab.data.task import TextTask
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.training.finetune import FineTuned

HEAD = "head.safetensors"


def save_source_model(folder: Path, tuned: FineTuned, encoder: TextEncoder, task: TextTask) -> None:
    """Write a folder that plain transformers loads (`AutoModel.from_pretrained`).

    The head, which reads the space's pooled embedding and so is none of transformers' own
    classes, lies beside it in head.safetensors: `weight` (outputs, D) and `bias` (outputs,);
    its metadata names kind and pooling. Names of classes are not written.
    """
    tuned.model.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    head = {
        name: value.detach().cpu().float().numpy() for name, value in tuned.head.named_parameters()
    }
    metadata = {"kind": task.kind, "pooling": encoder.pooling}
    (folder / HEAD).write_bytes(dump_tensors(head, metadata))
