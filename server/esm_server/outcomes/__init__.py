"""Outcomes of rankings, and the ledger of how good rankings were."""
