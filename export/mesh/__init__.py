"""The face mesh: 468 points and a presence score from one aligned crop, taken from a TensorFlow Lite file."""
