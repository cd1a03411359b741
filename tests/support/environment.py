"""What every test process has in its environment, before anything reads it.

Imported first by tests/conftest.py: torch reads the number of threads, and the model hub whether
it may use the network, when they are imported and never again.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # threads that wait for each other on busy cores take longer
os.environ["TOKENIZERS_PARALLELISM"] = "false"
