"""Messages in the words of the command line: options instead of the Python names below it."""

import re
from collections.abc import Mapping

OPTIONS: Mapping[str, str] = {
    "data_dir": "--data-dir",
    "force": "--force",
    "make_admin": "--make-admin",
    "name": "--name",
    "port": "--port",
    "robot": "--robot",
    "user": "--user",
}
"""The option that stands for an argument that a message names in backquotes."""

_SPAN = re.compile(r"`([a-z_]+)`")


def in_option_words(text: str) -> str:
    """Of "Choose another `name`." it makes "Choose another --name."; other names stay."""
    return _SPAN.sub(lambda span: OPTIONS.get(span[1], span[0]), text)
