"""What runs on the user's machine with torch: embed texts, train embedding space maps.

Needs the extra `torch`. Nothing here imports torch, transformers, datasets or pyarrow before
a function that needs them is called.
"""
