"""Proof that every file and engine of a bundle is the same model."""
