"""The registry server: stores embedding space maps and ranks them for a target sketch."""

import os

# Rankings run in threads of their own: one BLAS thread each. Must be set before numpy loads.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
