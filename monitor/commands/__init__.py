"""What is typed: one module for each command of `nicu-monitor`."""
