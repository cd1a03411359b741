"""Many ESMs at once: packs that are pushed, and packs of a space that are pulled."""
