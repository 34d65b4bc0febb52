"""Procedurally drawn infants with known faces: they test software and say nothing about clinical accuracy."""
