"""What users should know although the work goes on."""


class EsmWarning(UserWarning):
    """A fact that changes no result: a registry is waited for, a row is left out."""
