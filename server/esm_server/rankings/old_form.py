"""A ranking request as one JSON document, the way of clients that know no parts.

Taken for one release more. It may be as large as a target, so it is never parsed as it is: its long
texts are base64 of sketches and rows, and are decoded while they arrive. What is left is short.
"""

import binascii
from typing import Any, cast

from esm_client.core.errors import InvalidInput, TooLarge
from esm_client.core.limits import MAX_FOLDS, MAX_SKETCH_BYTES, MAX_SPACE_JSON_BYTES
from esm_client.core.schemas import RankingCreate
from esm_server.documents import SEE_DOCUMENT, checked_document, parsed

LONG = 8 * 2**10
"""Characters from which on a text is taken out of the document: no field but those of the target
holds as many."""
MAX_TEXTS = 5000
"""Keys included: several times what a filter holds."""


class RankingJson:
    """Takes such a document apart while it arrives."""

    def __init__(self) -> None:
        self._rest = bytearray()
        """The document, with a mark in the place of each long text."""
        self._long: dict[str, bytes] = {}
        """What the long texts say, by their marks."""
        self._is_text = self._is_long = self._is_padded = False
        self._text, self._data = bytearray(), bytearray()
        """Of the text that is being read: what is not decoded yet, and what is."""
        self._texts = 0

    def feed(self, data: bytes) -> None:
        """Take in what arrived; raises InvalidInput, TooLarge."""
        at = 0
        while at < len(data):
            quote = data.find(b'"', at)
            end = len(data) if quote < 0 else quote
            if self._is_text:
                self._text += data[at:end]
                if self._is_long or len(self._text) >= LONG:
                    self._decode()
            else:
                self._rest += data[at:end]
            if quote >= 0:
                self._quote()
            self._check_rest()
            at = end + 1

    def request(self) -> RankingCreate:
        """The whole request, once all of it is there; raises InvalidInput."""
        document = parsed(bytes(self._rest))
        if not isinstance(document, dict):
            return checked_document(RankingCreate, document)
        fields = cast("dict[str, Any]", document)
        target: dict[str, Any] = {}
        for name in ("sketch", "embedded"):
            if (data := self._taken(fields.get(name))) is not None:
                target[name], fields[name] = data, ""
        folds = fields.get("folds")
        given = cast("list[Any]", folds) if isinstance(folds, list) else []
        taken = [self._taken(fold) for fold in given]
        if any(taken):
            pairs = zip(taken, given, strict=True)
            fields["folds"] = ["" if data else fold for data, fold in pairs]
        if self._long:
            raise InvalidInput(
                f"A text of more than {LONG} characters is none of `sketch`, `folds` and "
                "`embedded`.",
                SEE_DOCUMENT,
            )
        request = checked_document(RankingCreate, fields)
        if any(taken):
            pairs = zip(taken, request.folds, strict=True)
            target["folds"] = tuple(data or short for data, short in pairs)
        return request.model_copy(update=target)

    def _taken(self, value: Any) -> bytes | None:
        """The long text that this is the mark of; each is given once."""
        return self._long.pop(value, None) if isinstance(value, str) else None

    def _quote(self) -> None:
        """A quotation mark: a text begins or ends, or the text holds it."""
        if not self._is_text:
            self._is_text, self._texts = True, self._texts + 1
            return
        if not self._is_long and _is_escaped(self._text):
            self._text += b'"'
            return
        if self._is_long:
            self._decode(is_last=True)
            mark = f"\0{len(self._long)}"
            self._long[mark] = bytes(self._data)
            self._data, self._is_padded = bytearray(), False
            self._rest += b'"\\u0000%b"' % mark[1:].encode()
        else:
            self._rest += b'"%b"' % self._text
        self._text.clear()
        self._is_text = self._is_long = False

    def _decode(self, *, is_last: bool = False) -> None:
        """Turn the text into bytes, four characters at a time."""
        if not self._is_long and len(self._long) > MAX_FOLDS + 1:
            raise TooLarge(f"A target has at most {MAX_FOLDS} folds.", "Send fewer.")
        if self._is_padded and self._text:
            raise _no_base64("something follows its padding")
        self._is_long = True
        size = len(self._text) if is_last else len(self._text) // 4 * 4
        try:
            self._data += binascii.a2b_base64(bytes(self._text[:size]), strict_mode=True)
        except binascii.Error as cause:
            raise _no_base64(str(cause)[:100]) from cause
        self._is_padded = self._is_padded or self._text[:size].endswith(b"=")
        del self._text[:size]
        if len(self._data) > MAX_SKETCH_BYTES:
            raise TooLarge(
                f"A sketch, a fold or the embeddings may take {MAX_SKETCH_BYTES} bytes.",
                "Rank with fewer rows, or with embeddings of fewer dimensions.",
            )

    def _check_rest(self) -> None:
        if len(self._rest) > MAX_SPACE_JSON_BYTES or self._texts > MAX_TEXTS:
            raise TooLarge(
                f"Beside the target, a ranking request may take {MAX_SPACE_JSON_BYTES} bytes and "
                f"{MAX_TEXTS} texts.",
                "Narrow the filter.",
            )


def _no_base64(reason: str) -> InvalidInput:
    return InvalidInput(
        f"A text of more than {LONG} characters is no base64: {reason}.", SEE_DOCUMENT
    )


def _is_escaped(text: bytearray) -> bool:
    """Whether what follows belongs to a backslash at the end."""
    count = 0
    while count < len(text) and text[-1 - count] == ord("\\"):
        count += 1
    return count % 2 == 1
