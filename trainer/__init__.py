"""Data sets, networks, cross-validation, evaluation and explanation of pain classifiers."""
