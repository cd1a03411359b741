"""The category of the product's own warnings."""


class EsmWarning(UserWarning):
    """Something a person should know of; the work goes on."""
