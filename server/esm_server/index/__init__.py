"""Nearest neighbours among sources: by what their texts are about, and by what their maps do."""
