"""`Embedder`: a base model as an embedding space, with its identity and fingerprint."""

import copy
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from esm_client.core.errors import InvalidInput
from esm_client.core.scoring.views import Views
from esm_client.core.spaces import (
    CANARIES,
    MAX_LENGTH,
    SEPARATOR,
    Pooling,
    SpaceFingerprint,
    SpaceIdentity,
)
from esm_client.lab.base_model import BaseModelFiles, find_base_model, load_base_model
from esm_client.lab.encoder import Text, TextEncoder
from esm_client.lab.extras import require
from esm_client.lab.pooling import detect_pooling
from esm_client.lab.probes import EMBEDDING, ProbeRecipe
from esm_client.lab.progress import Show
from esm_client.lab.tokens import TokenStore
from esm_client.lab.views import AskedViews


class Embedder:
    """Embeds texts in one embedding space.

    Args:
        base_model: a folder, or a hub id, which is looked up in the hub's cache first.
        device: "auto" (CUDA, else Apple's MPS, else the CPU), or a torch device name.
        pooling: None for what the folder says (sentence-transformers), else "mean".
        max_length: tokens per text, special ones included.
        separator: stands between the texts of a pair.
        revision: the hub's commit, branch or tag.
        batch_size: texts per forward pass.
        views: of an inner layer, which come behind the embeddings: `SpaceViews`, the number of a
            layer, "default" for the layer two thirds up, or None for none. A number stands for as
            many views as an embedding has numbers, 384 at most.
        name: what the space's identity calls the model; by default its hub id, else the
            folder's name, never the folder's path.

    Raises:
        InvalidInput: no such model, or settings it cannot serve.
        UnsafeModel: the model wants to run code of its own.
        UnsafeFile: its weights are pickle only.
        MissingExtra: torch or transformers is not installed.
    """

    def __init__(
        self,
        base_model: str | Path,
        *,
        device: str = "auto",
        pooling: Pooling | None = None,
        max_length: int = MAX_LENGTH,
        separator: str = SEPARATOR,
        revision: str | None = None,
        batch_size: int = 32,
        views: AskedViews = "default",
        name: str | None = None,
    ) -> None:
        target = choose_device(device)
        files = find_base_model(base_model, revision)
        chosen = detect_pooling(files.folder) if pooling is None else pooling
        model, tokenizer = load_base_model(files, chosen)
        encoder = TextEncoder(
            model.to(target),
            tokenizer,
            pooling=chosen,
            max_length=max_length,
            separator=separator,
            batch_size=batch_size,
        )
        encoder.read_views(views)
        self._adopt(encoder, name or files.name, files.revision, files)

    @classmethod
    def from_model(
        cls,
        model: Any,
        tokenizer: Any,
        *,
        base_model: str,
        pooling: Pooling = "mean",
        max_length: int = MAX_LENGTH,
        separator: str = SEPARATOR,
        revision: str | None = None,
        batch_size: int = 32,
        views: AskedViews = "default",
    ) -> Self:
        """An embedder around a loaded transformers model, on the device it is on.

        For models in half precision, or fine-tuned ones: everything but the loading is the same.
        """
        embedder = cls.__new__(cls)
        encoder = TextEncoder(
            model,
            tokenizer,
            pooling=pooling,
            max_length=max_length,
            separator=separator,
            batch_size=batch_size,
        )
        encoder.read_views(views)
        embedder._adopt(encoder, base_model, revision, None)
        return embedder

    def _adopt(
        self, encoder: TextEncoder, name: str, revision: str | None, files: BaseModelFiles | None
    ) -> None:
        self.encoder = encoder
        self._files = files
        self._probes: tuple[ProbeRecipe, TokenStore, NDArray[np.float32]] | None = None
        try:
            self.identity = SpaceIdentity(
                base_model=name,
                revision=revision,
                pooling=encoder.pooling,
                max_length=encoder.max_length,
                separator=encoder.separator,
                dimension=encoder.dimension,
                views=encoder.views,
            )
        except ValidationError as cause:
            problem = cause.errors(include_url=False)[0]
            raise InvalidInput(
                f"{problem['loc'][0]} is {str(problem['input'])[:80]!r}: {problem['msg'].lower()}.",
                "An embedding space must have a legal identity to be shared.",
            ) from cause

    @property
    def views(self) -> Views | None:
        """What sketches of its embeddings say of their last columns."""
        return self.encoder.of_sketch

    @property
    def device(self) -> str:
        """Where it computes: "cpu", "cuda:0" ..."""
        return str(self.encoder.device)

    @cached_property
    def fingerprint(self) -> SpaceFingerprint:
        """Identity, file digests and canary embeddings; computed at the first use."""
        pairs = [first if second is None else (first, second) for first, second in CANARIES]
        canaries = self.embed(pairs, progress=False).astype(np.float64)
        return SpaceFingerprint(
            identity=self.identity,
            weight_digest=self._files.weight_digest if self._files else None,
            tokenizer_digest=self._files.tokenizer_digest if self._files else None,
            canaries=tuple(tuple(row) for row in canaries.tolist()),
        )

    def embed(self, texts: Sequence[Text], *, progress: Show = None) -> NDArray[np.float32]:
        """Embed texts or pairs: float32 (N, D), in the order given; (N, D + k) with k views.

        The pooled output of the model, not normalised; then the views. A row does not depend on
        its neighbours beyond rounding (about 1e-6); memory beyond the result does not grow with N.

        Args:
            texts: strings, or pairs of strings that the separator joins. Too long ones are cut.
            progress: whether to show a bar on stderr; None for "on a terminal, after 2 seconds".

        Raises InvalidInput for anything but texts, InvalidEmbeddings for a result with NaN.
        """
        return self.encoder.embed(texts, progress=progress)

    def with_views(self, views: AskedViews) -> "Embedder":
        """The same base model with other views, or none; it is not loaded again.

        Raises InvalidInput for views that it does not have.
        """
        encoder = copy.copy(self.encoder)
        encoder.read_views(views)
        if encoder.views == self.encoder.views:
            return self
        embedder = Embedder.__new__(Embedder)
        embedder._adopt(encoder, self.identity.base_model, self.identity.revision, self._files)
        return embedder

    def embed_probes(
        self, recipe: ProbeRecipe, *, progress: Show = None
    ) -> tuple[TokenStore, NDArray[np.float32]]:
        """The probe rows of a recipe, and what `embed` gives of them; once for many sources."""
        if self._probes is None or self._probes[0] != recipe:
            rows = recipe.rows(self.encoder)
            embedded = self.encoder.embed_tokens(rows, what=EMBEDDING, progress=progress)
            self._probes = recipe, rows, embedded
        return self._probes[1:]


def choose_device(device: str) -> Any:
    """The torch device of that name; "auto" takes CUDA, else MPS, else the CPU."""
    torch = require("torch")
    if device == "auto":
        if torch.cuda.is_available():
            device = "cuda"
        else:
            device = "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError) as cause:
        reason = str(cause).partition("\n")[0][:150]
        raise InvalidInput(
            f"The device {device!r} cannot be used: {reason}",
            'Use "auto", "cpu", or for instance "cuda:0" where there is such a device.',
            parameters=("device",),
        ) from cause
