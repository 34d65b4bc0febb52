"""The classifier of facial actions: face mesh with a linear head, and expression network, in one graph."""
