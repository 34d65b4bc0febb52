"""Writes the template of messages and brings every catalogue up to date."""

from deploy.translations import write_all

if __name__ == "__main__":
    write_all()
