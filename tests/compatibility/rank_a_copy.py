"""Rank ESMs of which the best is a copy of the target: `python rank_a_copy.py TESTS SPACE FOLDER`.

Runs in any edition; prints the ranking's id and what the copy is called.
"""

import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from support.copied_target import CopiedTarget

from esm_client import Client

if __name__ == "__main__":
    with Client() as client:
        copied = CopiedTarget(client, sys.argv[2], Path(sys.argv[3]))
        print(copied.rank(client).id, copied.copy)
