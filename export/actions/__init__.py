"""The classifier of facial actions: the face mesh, four measures of it and a linear head, as one graph."""
