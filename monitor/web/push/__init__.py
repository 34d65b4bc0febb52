"""Notices on people's own devices while the page is closed (Web Push: RFC 8030, 8188, 8291 and 8292)."""
