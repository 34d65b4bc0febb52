"""Where alerts go: Redis."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from monitor.config.addresses import scheme_of, split_address
from monitor.config.base import Identifier, PositiveSeconds, Settings

__all__ = ["REDIS_SCHEMES", "RedisSettings"]

REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")


class RedisSettings(Settings):
    """Where alerts go."""

    url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description="redis://, rediss:// (TLS), unix://, redis+sentinel://host:port[,host:port]/service/db or "
        "redis+cluster://host:port[,host:port]; rediss+sentinel:// and rediss+cluster:// with TLS.",
    )
    username: str | None = Field(default=None, description="For a server with an access list.")
    password: SecretStr | None = Field(default=None, description="Never printed; `password_file` is better.")
    password_file: Path | None = Field(default=None, description="File with the password, readable by its owner only.")
    sentinel_username: str | None = Field(default=None, description="For the Sentinels themselves.")
    sentinel_password_file: Path | None = Field(
        default=None, description="File with the password of the Sentinels themselves, where they want one."
    )
    tls_ca_file: Path | None = Field(default=None, description="Certificate authority of the server's certificate.")
    tls_cert_file: Path | None = Field(default=None, description="This station's own certificate, where one is wanted.")
    tls_key_file: Path | None = Field(default=None, description="The key of that certificate.")
    command_access_file: Path | None = Field(
        default=None,
        description="Who may acknowledge over Redis: lines of NAME ROLE SHA256-OF-TOKEN, where the role is display, "
        "viewer, researcher, nurse or admin. Without it, everybody who may write to the station's commands stream.",
    )
    key_prefix: Identifier = Field(
        default="nicu", description="Begin of every key; stations that belong together share it."
    )
    timeout_seconds: PositiveSeconds = Field(default=1.0, description="Bound on one call.")
    state_ttl_seconds: PositiveSeconds = Field(default=15.0, description="Life of a bed's state without renewal.")
    replicas: int = Field(
        default=0, ge=0, le=9, description="Replicas that must hold an alert before it counts as delivered (WAIT)."
    )
    stream_max_length: int = Field(default=1_000_000, ge=1_000, description="Approximate bound of the alert stream.")

    @field_validator("url")
    @classmethod
    def _names_a_server(cls, url: SecretStr) -> SecretStr:
        """Refuse what cannot be an address; the message repeats nothing of it, for it may hold a password."""
        text = url.get_secret_value().strip()
        scheme = scheme_of(text)
        if scheme not in REDIS_SCHEMES:
            raise ValueError(f"redis.url must begin with one of {', '.join(f'{name}://' for name in REDIS_SCHEMES)}")
        try:
            address = split_address(text, needs_host=scheme != "unix")
        except ValueError as error:
            raise ValueError(f"redis.url needs a host and a port, such as redis://127.0.0.1:6379/0: {error}") from None
        path = address.path.strip("/")
        if scheme in {"redis", "rediss"} and path and not path.isdecimal():
            raise ValueError("the path of redis.url must be the number of a database, such as /0")
        return SecretStr(text)

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give `password` or `password_file`, not both")
        return self
