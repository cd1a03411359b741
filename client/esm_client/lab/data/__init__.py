"""From a labelled data set, wherever it lies, to a task in memory.

formats/ reads it block by block · columns/ finds out which column is what · draw.py takes the
seeded sample · labels.py reads the labels · loading.py joins them in `load_task`.
"""
