"""What beds showed over days, on the disk: levels, coverage, alerts, and what people asked; for trends and handover."""
