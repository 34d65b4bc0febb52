"""Cameras before they are a station's: found on the network, asked for their profiles, and tried."""
