"""Beds that several stations share: who watches which, kept by Redis."""
