"""Scores of features against labels: the maximum evidence and the target sketch."""
