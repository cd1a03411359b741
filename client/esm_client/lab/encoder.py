"""Texts through a transformer: the one path on which base and fine-tuned models embed."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from esm_client.core.errors import InvalidEmbeddings, InvalidInput
from esm_client.core.scoring.views import Views
from esm_client.core.spaces import MAX_LENGTH, SEPARATOR, Pooling
from esm_client.core.views import SpaceViews
from esm_client.lab.extras import require
from esm_client.lab.memory import is_out_of_memory, no_room, release_memory
from esm_client.lab.pooling import pool, token_mean
from esm_client.lab.progress import ProgressBar, Show
from esm_client.lab.tokens import TokenStore
from esm_client.lab.views import AskedViews, check_layer, chosen_views

Text = str | tuple[str, str]
"""One text, or a pair that the separator joins."""

Place = tuple[int, int]
CHARACTERS_PER_TOKEN = 1000
"""More than any token has; what lies behind is cut before a huge text is tokenised."""
BATCHES_PER_CHUNK = 64
"""Tokenised together: enough to sort by length, few enough that memory stays flat."""


class TextEncoder:
    """A model, its tokenizer and the settings that turn texts into vectors.

    dimension: D, measured on one text, which also proves that the pooling works. width: Z, that of
    what it gives: D, and the number of views where it has some.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        pooling: Pooling,
        max_length: int = MAX_LENGTH,
        separator: str = SEPARATOR,
        batch_size: int = 32,
    ) -> None:
        if batch_size < 1:
            raise InvalidInput(f"batch_size is {batch_size}.", "Use 1 or more.")
        longest = _longest_input(model, tokenizer)
        if not 1 <= max_length <= longest:
            raise InvalidInput(
                f"max_length is {max_length}; this model reads 1 to {longest} tokens.",
                "Choose a length in that range.",
            )
        self.model, self.tokenizer = model, tokenizer
        self.pooling: Pooling = pooling
        self.max_length, self.separator, self.batch_size = max_length, separator, batch_size
        self.views: SpaceViews | None = None
        self.dimension: int = self._embed_chunk(["a"]).shape[1]

    @property
    def width(self) -> int:
        """The columns of what it gives."""
        return self.dimension + (self.views.count if self.views else 0)

    @property
    def of_sketch(self) -> Views | None:
        """What sketches of what it gives say of the last columns."""
        return self.views.of_sketch(self.dimension) if self.views else None

    @property
    def device(self) -> Any:
        """The torch device that the model is on."""
        return next(self.model.parameters()).device

    def embed(self, texts: Sequence[Text], *, progress: Show = None) -> NDArray[np.float32]:
        """Embed texts in evaluation mode: float32 (N, Z), in the order given.

        A row does not depend on its neighbours beyond rounding (about 1e-6). Memory beyond the
        result does not grow with N.

        Args:
            texts: texts, or pairs that the separator joins. Too long ones are cut.
            progress: whether to show a bar; None for "on a terminal".

        Raises InvalidInput for anything but texts, InvalidEmbeddings for a result that is not
        finite.
        """
        if isinstance(texts, str):
            raise InvalidInput("texts is a single string.", "Pass a list of texts.")
        result = np.empty((len(texts), self.width), dtype=np.float32)
        chunk_size = BATCHES_PER_CHUNK * self.batch_size
        with ProgressBar("Embedding texts", len(texts), progress) as bar:
            for start in range(0, len(texts), chunk_size):
                chunk = self.join(texts[start : start + chunk_size], first_row=start)
                result[start : start + len(chunk)] = self._embed_chunk(chunk, bar)
        if not np.isfinite(result).all():
            bad = int(np.flatnonzero(~np.isfinite(result).all(axis=1))[0])
            raise InvalidEmbeddings(
                f"The embedding of row {bad} holds NaN or infinite numbers.",
                "Half precision may overflow: load the model in float32.",
            )
        return result

    def embed_tokens(
        self, tokens: TokenStore, *, what: str = "Embedding texts", progress: Show = None
    ) -> NDArray[np.float32]:
        """The same for texts that are tokenised already, (N, Z)."""
        result = np.empty((len(tokens), self.width), dtype=np.float32)
        chunk_size = BATCHES_PER_CHUNK * self.batch_size
        with ProgressBar(what, len(tokens), progress) as bar:
            for rows in batches(range(len(tokens)), chunk_size):
                chunk = [tokens[row] for row in rows]
                result[rows[0] : rows[-1] + 1] = self._embed_rows(chunk, bar)
        return result

    def embed_with_layers(
        self, tokens: TokenStore, layers: Sequence[int]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Embeddings (N, D) of tokenised texts, and of each layer the means (N, D) of its tokens.

        Raises InvalidInput for a layer that the model does not have.
        """
        torch = require("torch")
        for layer in layers:
            check_layer(layer, self.layers)
        self.model.eval()
        shape = len(tokens), self.dimension
        embeddings = np.empty(shape, dtype=np.float32)
        means = [np.empty(shape, dtype=np.float32) for _ in layers]
        order = sorted(range(len(tokens)), key=lambda row: -len(tokens[row]))
        with torch.inference_mode():
            for rows in batches(order, self.batch_size):
                output, mask = self.run([tokens[row] for row in rows], hidden_states=True)
                embeddings[rows] = pool(self.pooling, output, mask).cpu().numpy()
                for layer, mean in zip(layers, means, strict=True):
                    mean[rows] = token_mean(output.hidden_states[layer], mask).cpu().numpy()
        return embeddings, means

    @property
    def layers(self) -> int:
        """How many the model has; 0 where it does not say."""
        return int(getattr(self.model.config, "num_hidden_layers", 0))

    def read_views(self, asked: AskedViews) -> None:
        """Give these views from now on; raises InvalidInput for what the model does not have."""
        self.views = chosen_views(asked, self.layers, self.dimension)

    def with_model(self, model: Any) -> "TextEncoder":
        """The same settings around a fine-tuned model of the same kind; it gives no views."""
        return TextEncoder(
            model,
            self.tokenizer,
            pooling=self.pooling,
            max_length=self.max_length,
            separator=self.separator,
            batch_size=self.batch_size,
        )

    def join(self, texts: Sequence[Text], first_row: int = 0) -> list[str]:
        """One string per row, pairs joined by the separator; InvalidInput for other types."""
        return [self._joined(text, first_row + index) for index, text in enumerate(texts)]

    def tokenise(self, texts: list[str]) -> list[list[int]]:
        """Token ids per text, cut to `max_length`, not padded."""
        return self._encode(texts)["input_ids"]

    def tokenise_with_places(self, texts: list[str]) -> tuple[list[list[int]], list[list[Place]]]:
        """Token ids per text, and where in it each token stands: characters from and to.

        Special tokens stand at (0, 0). Raises InvalidInput for a tokenizer that does not know.
        """
        if not self.tokenizer.is_fast:
            raise InvalidInput(
                f"{type(self.tokenizer).__name__} does not tell where its tokens stand.",
                "Use a base model with a tokenizer.json.",
            )
        encoded = self._encode(texts, return_offsets_mapping=True)
        return encoded["input_ids"], encoded["offset_mapping"]

    def _encode(self, texts: list[str], **options: Any) -> Any:
        encoded = self.tokenizer(
            [text[: CHARACTERS_PER_TOKEN * self.max_length] for text in texts],
            truncation=True,
            max_length=self.max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
            **options,
        )
        empty = next(
            (t for t, ids in zip(texts, encoded["input_ids"], strict=True) if not ids), None
        )
        if empty is not None:
            raise InvalidInput(
                f"The text {empty[:40]!r} has no tokens.", "Remove empty texts, or fill them."
            )
        return encoded

    def run(self, rows: Sequence[Sequence[int]], *, hidden_states: bool = False) -> tuple[Any, Any]:
        """Pad one batch of token ids on the right and run the model: its output, and the mask."""
        torch = require("torch")
        lengths = [len(row) for row in rows]
        # padding is hidden by the mask, so any id will do where the tokenizer has none
        ids = np.full((len(rows), max(lengths)), self.tokenizer.pad_token_id or 0, dtype=np.int64)
        for place, row in enumerate(rows):
            ids[place, : lengths[place]] = row
        mask = np.arange(ids.shape[1]) < np.array(lengths)[:, None]
        inputs, attention = (
            torch.from_numpy(array).to(self.device) for array in (ids, mask.astype(np.int64))
        )
        output = self.model(
            input_ids=inputs, attention_mask=attention, output_hidden_states=hidden_states
        )
        return output, attention

    def pooled(self, rows: Sequence[Sequence[int]]) -> Any:
        """Run one batch of token ids: pooled vectors, tensor (B, D) float32."""
        output, mask = self.run(rows)
        return pool(self.pooling, output, mask)

    def _features(self, rows: Sequence[Sequence[int]]) -> Any:
        """The same, with the views behind them: tensor (B, Z) float32."""
        if self.views is None:
            return self.pooled(rows)
        output, mask = self.run(rows, hidden_states=True)
        inner = output.hidden_states[self.views.layer]
        if tuple(inner.shape) != (*mask.shape, self.dimension):  # as of models that shorten texts
            raise InvalidInput(
                f"Layer {self.views.layer} of the base model gives {tuple(inner.shape[1:])}, "
                f"not {(mask.shape[1], self.dimension)}.",
                "Use it without views of an inner layer.",
            )
        means = token_mean(inner, mask)
        parts = [pool(self.pooling, output, mask), self.views.of_means(means)]
        return require("torch").cat(parts, dim=1)

    def _embed_chunk(self, texts: list[str], bar: ProgressBar | None = None) -> NDArray[np.float32]:
        return self._embed_rows(self.tokenise(texts), bar)

    def _embed_rows(
        self, rows: list[list[int]], bar: ProgressBar | None = None
    ) -> NDArray[np.float32]:
        torch = require("torch")
        self.model.eval()
        parts: list[NDArray[np.float32]] = []
        order = sorted(range(len(rows)), key=lambda index: -len(rows[index]))
        with torch.inference_mode():
            for indices in batches(order, self.batch_size):
                parts.extend(self._pooled_within_memory([rows[index] for index in indices]))
                if bar is not None:
                    bar.advance(len(indices))
        result = np.concatenate(parts)
        sorted_back = np.empty_like(result)
        sorted_back[order] = result
        return sorted_back

    def _pooled_within_memory(self, rows: list[list[int]]) -> list[NDArray[np.float32]]:
        """What a batch gives, in halves where the device has no room for the whole."""
        try:
            return [self._features(rows).cpu().numpy()]
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if len(rows) == 1:
                raise no_room(self.device, error) from error
        release_memory()
        half = len(rows) // 2
        return [*self._pooled_within_memory(rows[:half]), *self._pooled_within_memory(rows[half:])]

    def _joined(self, text: object, row: int) -> str:
        if isinstance(text, str):
            joined = text
        elif _is_pair(text):
            joined = self.separator.join(cast("tuple[str, str]", text))
        else:
            raise InvalidInput(
                f"Row {row} of the texts is {str(text)[:40]!r} of type {type(text).__name__}.",
                "Pass strings, or tuples of two strings.",
            )
        # half of a surrogate pair, which JSON can hold and no tokenizer reads
        return joined.encode("utf-8", "replace").decode("utf-8")


def batches(order: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut a sequence of row numbers into pieces of `size`."""
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _is_pair(text: object) -> bool:
    if not isinstance(text, tuple):
        return False
    parts = cast("tuple[object, ...]", text)
    return len(parts) == 2 and all(isinstance(part, str) for part in parts)


def _longest_input(model: Any, tokenizer: Any) -> int:
    """The most tokens the model has positions for, as far as model and tokenizer say."""
    positions = getattr(model.config, "max_position_embeddings", None) or tokenizer.model_max_length
    return int(min(positions, tokenizer.model_max_length))
