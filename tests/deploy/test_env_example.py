"""deploy/env.example names every setting with its default, and nothing else."""

import re
from pathlib import Path

from esm_server.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "deploy" / "env.example"


def test_env_example_lists_every_setting_with_its_default() -> None:
    listed = dict(
        re.findall(r"^(?:# )?ESM_SERVER_([A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)
    )
    defaults = {
        name.upper(): "" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert listed == defaults
