"""Write the demo's tasks: `python -m docs.demo.tasks DIRECTORY [SEED]`."""

import sys

from .write import write_tasks

if len(sys.argv) not in (2, 3):
    sys.exit("Usage: python -m docs.demo.tasks DIRECTORY [SEED]")
for path in write_tasks(sys.argv[1], seed=int(sys.argv[2]) if len(sys.argv) == 3 else 0).values():
    print(path)
