"""The commands of `nicu-trainer`, one module each."""
