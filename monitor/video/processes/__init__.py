"""Cameras in processes of their own, beside the process that analyses their pictures."""
