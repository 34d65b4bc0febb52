"""Beds that several stations share: who watches which, held by Redis."""
