"""Notices that reach a person's own devices while the page is closed (Web Push)."""

import re
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from monitor.config.addresses import host_name
from monitor.config.base import Settings

__all__ = ["PushSettings"]

# What VAPID (RFC 8292) calls the subject; the push services of Mozilla and Apple refuse notices without one.
_CONTACT = re.compile(r"mailto:[^@\s]+@[\w-]+(\.[\w-]+)+|https://[\w-]+(\.[\w-]+)+(/\S*)?")


class PushSettings(Settings):
    """Notices on people's own devices, through push services of the browsers' makers, outside the hospital."""

    enabled: bool = Field(
        default=False,
        description="Whether people may have notices sent to their devices while the page is closed. They leave the "
        "hospital, encrypted, and are no alarm. Needs the extra `push`, HTTPS, and a way to the internet.",
    )
    contact: str | None = Field(
        default=None,
        description="Whom a push service may ask about these notices: mailto:it@hospital.example or an https:// "
        "address. Needed where `enabled`.",
    )
    names_beds: bool = Field(
        default=True, description="Whether a notice may carry the bed's id, where the person wants that."
    )
    services: tuple[str, ...] = Field(
        default=(),
        description="Hosts of further push services, such as push.hospital.example or push.hospital.example:8443; "
        "those of Google, Mozilla, Apple and Microsoft are known, and nothing is sent to any other address.",
    )
    tls_ca_file: Path | None = Field(default=None, description="Certificate authority of further push services.")

    @field_validator("contact")
    @classmethod
    def _somebody_can_be_asked(cls, contact: str | None) -> str | None:
        if contact is not None and not _CONTACT.fullmatch(contact):
            raise ValueError("write mailto: and a mail address, such as mailto:it@hospital.example, or an https:// one")
        return contact

    @field_validator("services")
    @classmethod
    def _are_hosts(cls, services: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_service(service) for service in services)

    @model_validator(mode="after")
    def _has_a_contact(self) -> Self:
        if self.enabled and self.contact is None:
            raise ValueError("push services ask for a contact: write `contact: mailto:it@hospital.example`")
        return self


def _service(text: str) -> str:
    """Return a push service as `host` or `host:port`.

    Raises:
        ValueError: It is neither.
    """
    name, colon, port = text.strip().rpartition(":")
    if not colon or not port.isascii() or not port.isdigit():
        return host_name(text)
    if not 1 <= int(port) <= 65_535:
        raise ValueError("a port is a number from 1 to 65535")
    return host_name(name) if int(port) == 443 else f"{host_name(name)}:{int(port)}"
