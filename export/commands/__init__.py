"""The commands of `nicu-export`, one module each."""
