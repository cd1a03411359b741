"""Errors in the words of the command line."""

import json
import sys
import warnings
from pathlib import Path

import pytest
from core.artifact.test_artifact_published import write_theirs

from esm_client.cli import __main__ as command_line
from esm_client.cli.app import options_of
from esm_client.cli.commands import build, packs
from esm_client.cli.errors import PARAMETERS, fix_of, in_command_words, next_step, running
from esm_client.cli.options.session import Options, Session
from esm_client.cli.progress import ProgressBars
from esm_client.core.checkup import Check
from esm_client.core.errors import (
    InvalidDataset,
    InvalidInput,
    NotAdmitted,
    SpaceMismatch,
)
from esm_client.core.schemas import PackResult, Problem
from esm_client.core.warnings import EsmWarning
from esm_client.lab.build.report import BuildReport, BuildRow

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
        ('Say `label_column="True"`.', "Say --label-column True."),
        ("Leave out (`kind`), or [`split`]: `mode`!", "Leave out (--kind), or [--split]: --mode!"),
        ("Your users' data, or theirs': `kind`.", "Your users' data, or theirs': --kind."),
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
        "Pass label_column.", "There is no /data/`split`/x.csv.", "There is no /data/`split`.",
        "Not found: 'my `split` here'.", 'Not found: "it\'s `split` here".', "Is `kind`s a word?",
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
    error = InvalidInput("No.", "Name `source_models`.", parameters=("source_models", "sources"))
    assert next_step(error) == "Name --source-model. (--source)"


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
    none = Check("token", "failed", "None.", "Set it.", {"log_in_at": "https://a.org:8443"})
    assert fix_of(none) == "Run: esm-client login https://a.org:8443"
    damaged = Check("credentials", "failed", "Damaged.", "Remove it.", {"credentials": "/c.json"})
    assert fix_of(damaged) == "Run: esm-client login URL, which writes it again."
    assert json.dumps(none.document()) == json.dumps(
        {"name": "token", "state": "failed", "found": "None.", "fix": "Set it."}
    )
    assert fix_of(Check("token", "failed", "Gone.", "Ask for one.")) == "Ask for one."
    tls = fix_of(Check("TLS", "failed", "Unknown.", "Name it in `ca_file`."))
    assert tls.startswith(f"Name it in {PARAMETERS['ca_file']}. ")
    assert "esm-client login URL --ca-file FILE" in tls
    assert fix_of(Check("cache", "ok", "9 MB")) == ""
    assert "esm-client cache clear" in fix_of(
        Check("cache", "warning", "", "`Client.cache.clear()`")
    )


def test_the_running_command_has_the_options_everywhere():
    with running(lambda: TRAIN):
        assert in_command_words("`force` or `label_column`") == "force or --label-column"
        assert next_step(NotAdmitted("No.", "Use `force`.")) == "Use force."
        with running(lambda: ["--force"]):
            assert in_command_words("`force` or `label_column`") == "--force or label_column"
        assert in_command_words("Pass `force`.") == "Pass force."
    assert in_command_words("Pass `force`.") == "Pass --force."


def raising(error: BaseException):
    def fail(arguments: list[str]) -> int:
        raise error

    return fail


@pytest.fixture
def ran(monkeypatch, capsys):
    """Runs a command line whose command does something else; returns what stderr shows."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def run(act, *arguments: str) -> list[str]:
        monkeypatch.setattr(command_line, "_invoke", act)
        with warnings.catch_warnings():
            command_line.run(arguments)
        return capsys.readouterr().err.splitlines()

    return run


def test_only_what_is_ours_is_put_in_other_words(ran):
    error = InvalidInput("`label_column` is not in /a/`split`/x.csv.", "Pass `label_column`.")
    assert ran(raising(error), "train") == [
        "error: --label-column is not in /a/`split`/x.csv.",
        "  Pass --label-column.",
    ]
    assert ran(raising(error), "build")[0].startswith("error: label_column is")
    assert "unexpected" in (told := ran(raising(KeyError("of `split` it")), "train")[0])
    assert told.endswith("'of `split` it'")
    wrong = ran(raising(command_line.typer.BadParameter("it is `split` there")), "train")
    assert "it is `split` there" in wrong[0]


def test_warnings_of_libraries_keep_their_words(ran):
    def warn(arguments: list[str]) -> int:
        warnings.warn("set `split` now", EsmWarning, stacklevel=2)
        warnings.warn("give `split` up", FutureWarning, stacklevel=2)
        return 0

    assert ran(warn, "train") == ["warning: set --split now"]
    told = ["warning: set --split now", "warning: give `split` up"]
    assert ran(warn, "train", "--debug") == told


@pytest.mark.parametrize("terminal", [True, False])
def test_lines_beside_the_bars_are_in_the_words_of_the_command_line(monkeypatch, capsys, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with ProgressBars(quiet=False) as bars:
        bars.line("a: not pushed. Use `force`.")
    assert "a: not pushed. Use --force." in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [True, False])
def test_rows_of_a_build_are_in_the_words_of_the_command_line(capsys, as_json):
    rows = [
        BuildRow("a", "s", "built", push_error="No. Push it with `force`."),
        BuildRow("b", "s", "failed", reason="No `text_columns`.", hint="Name `label_column`."),
    ]
    session = Session(Options(as_json=as_json))
    with running(lambda: options_of(["build"])):
        build._print(session, BuildReport(rows, 1.0), dry_run=False)
    printed = capsys.readouterr().out
    assert "`" not in printed
    assert "No. Push it with --force." in printed
    assert "No text_columns." in printed
    assert "Name label_column." in printed


def test_a_problem_of_a_pack_is_in_the_words_of_the_command_line():
    problem = Problem.of(NotAdmitted("It is bad.", "Push it with `force`."))
    spoken = packs._spoken(PackResult(name="a", problem=problem)).problem
    assert spoken == problem.model_copy(update={"hint": "Push it with --force."})
    fine = PackResult(name="a", version=1)
    assert packs._spoken(fine) is fine


@pytest.mark.parametrize("pushing", [True, False])
def test_what_is_not_known_of_an_imported_esm_is_left_out(monkeypatch, capsys, tmp_path, pushing):
    """Without a registry each is written all the same, and says why it is not pushed."""
    monkeypatch.setenv("ESM_REGISTRY_URL", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("broken", "imdb"):
        write_theirs(tmp_path / "hub" / name, task_id=name)
    (tmp_path / "hub" / "broken" / "model.safetensors").write_bytes(b"no")
    push = ("--push", "team", "--space", "s") if pushing else ()
    esms = tmp_path / "esms"
    code = command_line.run(
        ["--json", "import", str(tmp_path / "hub"), "--output", str(esms), *push]
    )
    assert code == 1
    broken, imdb = json.loads(capsys.readouterr().out)
    assert broken.keys() == {"name", "path", "outcome", "reason"}
    assert (broken["path"], broken["outcome"]) == (None, "failed")
    assert list(imdb) == ["name", "path", "outcome", "reason", "task", "base_model"]
    assert (Path(imdb["path"]), imdb["outcome"]) == (esms / "imdb", "imported")
    assert (esms / "imdb").is_dir()
    assert imdb["reason"].startswith("No registry is named. ") is pushing
    assert "`" not in imdb["reason"]
