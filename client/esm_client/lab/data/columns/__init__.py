"""Finding texts and labels in a data set that nobody described.

facts.py looks at the values of each column, names.py at its name; detect.py chooses, says why,
and says where it is not sure.
"""
