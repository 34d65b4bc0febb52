"""Fine-tunes the face detector on synthetic infants with devices, and measures what it finds of others."""
