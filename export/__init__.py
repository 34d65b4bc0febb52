"""From trained networks to verified model bundles and engines."""
