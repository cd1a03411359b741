"""hf-dataset-selector's own path over some rows, in its own environment; one JSON line.

    python tests/bench/peer_throughput.py ROWS.jsonl MODEL STEPS BATCH THREADS

MODEL's path must hold "sentence-transformers", or the package pools a BERT otherwise. It embeds
with base and tuned model at once, by create_embedding_dataset. It has no fine-tuning of its own:
its scripts train a sequence classification model on the batches of Dataset.collate_fn, as here.
"""

import json
import sys
import time

import torch
from datasets import Dataset as Rows
from hfselect import Dataset, create_embedding_dataset
from torch.utils.data import DataLoader
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

path, folder, steps, batch, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
torch.set_num_threads(threads)
rows = Rows.from_json(path)
data = Dataset(rows, "text", "label", is_regression=False, metadata={})
tokenizer = AutoTokenizer.from_pretrained(folder)
base, tuned = (AutoModel.from_pretrained(folder) for _ in range(2))
started = time.perf_counter()
create_embedding_dataset(data, base, tuned, tokenizer)
embedding = time.perf_counter() - started

model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=int(data.label_dim))
optimiser = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.01)
loader = DataLoader(data, batch_size=batch, shuffle=True, drop_last=True,
                    collate_fn=lambda x: data.collate_fn(x, tokenizer=tokenizer))  # fmt: skip
model.train()
started = time.perf_counter()
for _, (ids, mask, labels) in zip(range(steps), loader, strict=False):
    model.zero_grad()
    model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
tuning = time.perf_counter() - started
print(json.dumps({"embedding": 2 * len(rows) / embedding, "fine-tuning": steps * batch / tuning}))
