"""The address of a Redis."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """Where Redis is, and what to say on arrival."""

    host: str
    port: int
    tls: bool
    greeting: tuple[tuple[str, ...], ...]

    @classmethod
    def from_url(cls, url: str) -> "RedisTarget":
        """Read `redis[s]://[user][:password]@host[:port][/db]`.

        Raises:
            ValueError: When the URL is of another form.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("redis", "rediss") or not parts.hostname:
            raise ValueError(
                f"{parts.scheme or url!r}: a Redis URL looks like redis://:password@localhost:6379/0"
            )
        greeting: list[tuple[str, ...]] = []
        if parts.password:
            user = (unquote(parts.username),) if parts.username else ()
            greeting.append(("AUTH", *user, unquote(parts.password)))
        database = parts.path.strip("/")
        if database and database != "0":
            greeting.append(("SELECT", database))
        return cls(parts.hostname, parts.port or 6379, parts.scheme == "rediss", tuple(greeting))
