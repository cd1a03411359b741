"""A process for `Workers` that does next to nothing, and dies when it is asked to."""

import json
import os
import signal
import sys

from esm_client.lab.processes.messages import Done, Step, as_line

for line in sys.stdin:
    wish = json.loads(line)["wish"]
    if wish == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if wish == "exit":
        sys.exit(3)
    if wish == "half a line":
        print('["Do', flush=True)
    for event in (Step(wish, 1, 1), Done({"pid": os.getpid()})):
        print(as_line(event), end="", flush=True)
