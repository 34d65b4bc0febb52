"""What people ask of a station, and who may."""
