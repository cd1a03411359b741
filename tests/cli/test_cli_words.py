"""Errors in the words of the command line."""

import pytest

from esm_client.cli.app import options_of
from esm_client.cli.errors import PARAMETERS, fix_of, in_command_words, next_step
from esm_client.core.checkup import Check
from esm_client.core.errors import InvalidDataset, InvalidInput, NotAdmitted, SpaceMismatch

TRAIN = options_of(["train", "data.csv"])


@pytest.mark.parametrize(
    ("python", "shown"),
    [
        ("Pass `label_column`.", "Pass --label-column."),
        ("Pass `base_url` or ESM_REGISTRY_URL.", "Pass --url or ESM_REGISTRY_URL."),
        (
            'Say `text_columns=["a", "my b"], label_column="c"`.',
            "Say --text-column a --text-column 'my b' --label-column c.",
        ),
        ("Push it with `force=True`.", "Push it with --force."),
        ("List them: `Client.tokens.list()`", "List them: esm-client token list"),
        (
            'See `Client.aliases.history("team/a", "best")`.',
            "See esm-client alias history team/a best.",
        ),
        (
            'Say `source_data={"team/a": path, "team/b": "my b"}`.',
            "Say --source-data team/a=PATH --source-data 'team/b=my b'.",
        ),
        ('`Client.facets(space="s")`', "esm-client list --facets --space s"),
        ('`Client.packs.pull("team/s", folder)`', "esm-client spaces pull team/s FOLDER"),
    ],
)
def test_python_names_become_options_and_commands(python, shown):
    assert in_command_words(python) == shown


@pytest.mark.parametrize(
    "text",
    [
        "It says `hello`.", "One ` alone.", "`Client.unknown()`", "`label_column, kind`",
        "`space=1, unknown=2`", "`Client.list(unknown=2)`", "`)(`", f"`{'(' * 299}`", "`a\0b`",
        "``", "`Client.list(*names)`", "`Client.list(**names)`", "`space=f(x)`", "`space={**x}`",
        "Pass label_column.",
    ],
)  # fmt: skip
def test_what_is_no_name_of_ours_stays(text):
    assert in_command_words(text) == text


def test_options_that_the_command_lacks_keep_their_python_names():
    assert "--label-column" in TRAIN
    assert "--force" not in TRAIN
    assert next_step(NotAdmitted("No.", "Or use `force`."), TRAIN) == "Or use force."
    hint = 'Pass `space="a", label_column="b"`.'
    assert next_step(InvalidInput("No.", hint), TRAIN) == 'Pass space="a", label_column="b".'


def test_options_are_those_of_the_command_that_ran():
    assert options_of(["--json", "alias", "set", "team/a"]) >= {"--protect", "--url"}
    assert "--protect" not in options_of(["alias", "list", "team/a"])


def test_arguments_that_the_hint_does_not_name_are_added():
    error = InvalidDataset("No.", "Name another one.", parameters=("label_column", "force"))
    assert next_step(error, TRAIN) == "Name another one. (--label-column)"
    error = InvalidDataset("No.", "Name `label_column`.", parameters=("label_column",))
    assert next_step(error, TRAIN) == "Name --label-column."
    assert next_step(InvalidDataset("No.", parameters=("kind",))) == "(--kind)"


def test_a_base_model_that_is_not_found_is_named_or_mapped():
    error = InvalidInput("No.", "Name it.", space="team/a b", mapped=None)
    mapping = "esm-client spaces map 'team/a b' FOLDER"
    assert next_step(error, TRAIN).endswith(f"--base-model, or once for all: {mapping}")
    assert next_step(error, frozenset()) == f"Map its folder once for all: {mapping}"
    error = InvalidInput("No.", "Name it.", space="team/a b", mapped="/gone")
    assert next_step(error) == f"Map it again: {mapping}"
    other = SpaceMismatch("No.", "Use another `space`.", space="a", base_model="b")
    assert next_step(other) == "Use another --space."


def test_who_is_not_logged_in_is_told_how():
    error = InvalidInput("No.", "Pass `base_url`.", variable="ESM_REGISTRY_URL")
    assert next_step(error) == "Set ESM_REGISTRY_URL, or run: esm-client login URL"
    error = InvalidInput("No.", "Pass it.", variable="ESM_REGISTRY_TOKEN", url="http://a")
    assert next_step(error) == "Set ESM_REGISTRY_TOKEN, or run: esm-client login http://a"
    error = InvalidInput("No.", "Remove it.", credentials="/c.json")
    assert next_step(error) == "Run: esm-client login URL, which writes it again."


def test_checks_of_the_doctor_name_commands():
    assert "esm-client login" in fix_of(Check("token", "failed", "None.", "Pass `token`."))
    tls = fix_of(Check("TLS", "failed", "Unknown.", "Name it in `ca_file`."))
    assert tls.startswith(f"Name it in {PARAMETERS['ca_file']}. ")
    assert "esm-client login URL --ca-file FILE" in tls
    assert fix_of(Check("cache", "ok", "9 MB")) == ""
    assert "esm-client cache clear" in fix_of(
        Check("cache", "warning", "", "`Client.cache.clear()`")
    )
