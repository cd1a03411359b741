"""TaskEmb (Achille et al. 2019; Vu et al. 2020, section 4.2): which weights a task depends on."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from esm_client.core.schemas import SourceKind
from esm_client.lab.encoder import batches
from esm_client.lab.extras import require
from esm_client.lab.selection.candidate import Candidate
from esm_client.lab.selection.method import EVERY
from esm_client.lab.selection.source_model import SourceModel
from esm_client.lab.selection.target import TargetTask
from esm_client.lab.training.heads import make_head

Fisher = dict[str, Any]
"""Squared gradients by component, torch tensors."""
BATCH_SIZE = 32
"""As published: the gradient of each batch's mean loss is squared. With 1, of each row's loss: the
diagonal of the empirical Fisher information."""

ROUNDING = 1e-14
"""Of squared gradients in float32, relative to the largest: what is below carries no digit."""


class TaskEmbedding:
    """Cosine similarity, component by component, of empirical Fisher information.

    Components are the encoder's parameter tensors and the outputs of its layers and their
    attention; the head is left out. Source models are taken at the end of their fine-tuning (as
    Vu et al. do); so is the target's, which `fine_tuned` must hold: a base model that was
    fine-tuned on the target's rows.
    """

    name: ClassVar[str] = "task-embedding"
    needs: ClassVar[str] = "its source model with head and rows"
    kinds: ClassVar[frozenset[SourceKind]] = EVERY

    def __init__(self, batch_size: int = BATCH_SIZE) -> None:
        self._batch_size = batch_size

    def prepare(self, candidate: Candidate) -> Fisher | None:
        """The source's, on its own rows."""
        model = candidate.model
        if model is None or model.head is None or model.task is None:
            return None
        return empirical_fisher(model, self._batch_size)

    def num_bytes(self, prepared: Fisher) -> int:
        """Of the numbers."""
        return sum(value.numel() * value.element_size() for value in prepared.values())

    def score(self, prepared: Fisher, target: TargetTask) -> NDArray[np.float64]:
        """One cosine per component (K,), in the components' order."""
        mine = target.once(self.name, lambda: empirical_fisher(target.fine_tuned, self._batch_size))
        return component_cosines(prepared, mine)


def component_cosines(one: Fisher, other: Fisher) -> NDArray[np.float64]:
    """Cosines (K,) of two tasks' components, in the order of `other`; computed in float64.

    0, which ties all sources, for a component that is nothing but rounding: the bias of attention
    keys, which no loss depends on.
    """
    least = [ROUNDING * max(_norm(value) for value in task.values()) for task in (one, other)]
    found: list[float] = []
    for key, value in other.items():
        norms = _norm(one[key]), _norm(value)
        product = float((one[key].double() * value.double()).sum())
        real = all(norm > bound for norm, bound in zip(norms, least, strict=True))
        found.append(product / (norms[0] * norms[1]) if real else 0.0)
    return np.array(found)


def _norm(value: Any) -> float:
    return float(value.double().norm())


def empirical_fisher(
    model: SourceModel, batch_size: int, rows: NDArray[np.intp] | None = None
) -> Fisher:
    """Squared gradients of the loss on the model's own rows and labels.

    rows: numbers of those that are looked at; None for all.

    Parameters: squares of the gradient of a batch's mean loss, summed over batches, over the
    rows. Outputs, (D,) each: gradients of the tokens that are no padding, summed over batch and
    tokens, squared and divided by the number of those tokens; `cls` is the first token of the
    last layer, and nothing is divided.
    """
    torch = require("torch")
    encoder, task = model.encoder, model.task
    assert task is not None  # noqa: S101 - prepare has looked
    rows = np.arange(len(task)) if rows is None else rows
    head = make_head(encoder, task, rows)
    head.module.load_state_dict(model.head.state_dict())
    transformer = encoder.model.eval()
    found: Fisher = {}
    for batch in batches(rows.tolist(), batch_size):
        transformer.zero_grad(set_to_none=True)
        tokens = [head.token_ids(row) for row in batch]
        with torch.enable_grad(), _outputs(transformer) as outputs:
            output, mask = encoder.run(tokens)
            head.loss(output, mask, list(batch)).backward()
        for name, gradient in _gradients(transformer, outputs, mask):
            found[name] = found[name] + gradient if name in found else gradient
    transformer.zero_grad(set_to_none=True)
    return {name: value / len(rows) for name, value in found.items()}


def _gradients(transformer: Any, outputs: dict[str, Any], mask: Any) -> Iterator[tuple[str, Any]]:
    for name, parameter in transformer.named_parameters():
        if parameter.grad is not None:
            yield f"weights/{name}", parameter.grad**2
    seen = mask.unsqueeze(-1)
    for name, output in outputs.items():
        if output.grad is None:
            continue
        yield f"outputs/{name}", (output.grad * seen).sum((0, 1)) ** 2 / mask.sum()
    last = list(outputs.values())[-1] if outputs else None
    if last is not None and last.grad is not None:
        yield "outputs/cls", last.grad[:, 0].sum(0) ** 2


@contextmanager
def _outputs(transformer: Any) -> Generator[dict[str, Any]]:
    """Where the outputs of layers and their attention appear during a forward pass."""
    found: dict[str, Any] = {}
    hooks: list[Any] = []

    def keep(name: str) -> Any:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            del module, inputs
            whole = isinstance(output, require("torch").Tensor)
            tensor: Any = output if whole else output[0]
            tensor.retain_grad()
            found[name] = tensor

        return hook

    for number, layer in enumerate(_layers(transformer)):
        for name, child in layer.named_children():
            if "attention" in name or "attn" in name:
                hooks.append(child.register_forward_hook(keep(f"{number}/attention")))
                break
        hooks.append(layer.register_forward_hook(keep(f"{number}/layer")))
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _layers(transformer: Any) -> Any:
    """The stack of the encoder's layers: the list of as many modules as it has layers."""
    torch = require("torch")
    count = transformer.config.num_hidden_layers
    stacks = (m for m in transformer.modules() if isinstance(m, torch.nn.ModuleList))
    return next((stack for stack in stacks if len(stack) == count), ())
