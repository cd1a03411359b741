"""Whether a source holds rows of a target: sketches of texts, compared on the user's machine."""
