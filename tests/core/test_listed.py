"""One of something, or several."""

from pathlib import Path

import pytest

from esm_client.core.listed import listed


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("all", ("all",)),
        (["size", "random"], ("size", "random")),
        (Path("model"), (Path("model"),)),
        ((), ()),
        (None, ()),
    ],
)
def test_a_string_or_path_is_one(given, expected):
    assert listed(given) == expected


def test_one_text_column_and_the_name_that_the_caller_knows():
    from esm_client import DataOptions, load_task
    from esm_client.core.errors import InvalidInput

    assert DataOptions(text_columns="text").text_columns == ("text",)
    with pytest.raises(InvalidInput, match="^revision is 5") as caught:
        load_task("org/data", revision=5)
    assert caught.value.parameters == ("revision",)


def test_hints_name_arguments_that_the_functions_have():
    from esm_client.core.maps.mlp import needs_embeddings
    from esm_client.core.schemas import Source
    from esm_client.ranking.rows import how_to_get_the_model

    assert "`send_embeddings`" in needs_embeddings().hint
    found = how_to_get_the_model("a/b@1", Source(), stored=True)
    assert found == "Client.pull_source_model('a/b@1', folder)"
