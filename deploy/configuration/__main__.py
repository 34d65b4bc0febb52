"""Writes docs/configuration.md."""

from deploy.configuration import PAGE, page_text

if __name__ == "__main__":
    PAGE.write_text(page_text(), encoding="utf-8")
