"""What the server does about each finding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from esm_client.core.errors import NotAdmitted
from esm_client.core.schemas import Finding
from esm_server.admission.checks import Problem
from esm_server.settings import Verdict


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """The verdict on each check."""

    verdicts: Mapping[str, Verdict]

    def judge(self, problems: Sequence[Problem], *, force: bool) -> list[Finding]:
        """What is to be kept with the version; raises NotAdmitted, naming all reasons."""
        found = [(check, message, self.verdicts[check]) for check, message in problems]
        refused = [one for one in found if one[2] == "refuse"]
        forceable = [one for one in found if one[2] == "refuse-unless-forced"]
        if refused or (forceable and not force):
            reasons = " ".join(message for _, message, _ in [*refused, *forceable])
            raise NotAdmitted(
                f"The registry does not take this ESM: {reasons}",
                "This cannot be forced: train the ESM again."
                if refused
                else "Train the ESM again; or push it with `force`, which is recorded.",
            )
        return [
            Finding(check=check, message=message, forced=verdict == "refuse-unless-forced")
            for check, message, verdict in found
            if verdict != "off"
        ]
