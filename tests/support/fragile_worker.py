"""A process for `Workers` that does next to nothing, and dies when it is asked to."""

import json
import os
import signal
import sys

for line in sys.stdin:
    wish = json.loads(line)["wish"]
    if wish == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if wish == "exit":
        sys.exit(3)
    if wish == "half a line":
        print('{"event": "do', flush=True)
    for event in ({"event": "progress", "step": wish}, {"event": "done", "pid": os.getpid()}):
        print(json.dumps(event), flush=True)
