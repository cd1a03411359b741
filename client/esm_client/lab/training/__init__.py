"""Training an ESM: fine-tune the base model, embed with both models, fit the map."""
