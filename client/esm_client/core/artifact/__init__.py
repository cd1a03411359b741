"""The ESM artifact: a directory of `config.json`, `model.safetensors` and optional companions.

    config.json           what it is: task, space, recipe, errors; hf-dataset-selector's keys
    model.safetensors     the map: `model.weight` (D x D) and `model.bias` (D)
    summary.safetensors   optional: `text_embedding` (D), `canaries` (5 x D)
    README.md             optional: the card, which can change without a new version
    provenance.json       optional: timings, device, dates; never part of the digest

The first three make up the manifest, whose digest names the version. No pickle, no torch.
"""
