"""Ranking a pulled space by any selection methods: what joins the registry with the laboratory.

The same for notebooks (`esm_client.rank_by_methods`, in run.py) and for `esm-client rank --method`
(command.py).
"""
