"""Pseudonyms: users are called by a keyed hash of their ids, which says nothing to whoever has not the key."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LEAST_BYTES = 16
"""Of a key; `openssl rand -hex 32` writes a good one."""

_MOST_BYTES = 4096
_HEX_DIGITS = 32
_REMEDY = "write one with `openssl rand -hex 32`"


@dataclass(frozen=True)
class Pseudonyms:
    """HMAC-SHA256 of users' ids under a secret key (RFC 2104), cut to 128 bits, in hex.

    The same ids get the same pseudonyms under the same key, so that data that came at different times fit together;
    without the key, nobody can find out who is meant by trying ids, as they could with a plain hash. The key is read
    when it is needed, and kept nowhere: what is configured is where it lies.

    Args:
        key_file: the file that holds the key, outside the data and the run folders; None for none.
        key_variable: the environment variable that holds it; None for none. One of the two is given.
    """

    key_file: str | None = None
    key_variable: str | None = None

    def __post_init__(self) -> None:
        """One place is enough, and none too few."""
        if (self.key_file is None) == (self.key_variable is None):
            raise ValueError(
                f"key_file is {self.key_file!r} and key_variable {self.key_variable!r}; give one of the two"
            )

    def of(self, ids: list[str]) -> list[str]:
        """The pseudonyms of `ids`.

        Raises:
            ValueError: the key is missing or too short, or two ids get the same pseudonym; tells nothing of the key.
        """
        key = self._key()
        named = {each: hmac.new(key, each.encode(), hashlib.sha256).hexdigest()[:_HEX_DIGITS] for each in ids}
        if len(set(named.values())) < len(named):
            raise ValueError("two users get the same pseudonym; choose another key")
        return [named[each] for each in ids]

    def _key(self) -> bytes:
        where = f"environment variable {self.key_variable}" if self.key_variable else f"key file {self.key_file}"
        key = self._read(os.environ).strip()
        if not key:
            raise ValueError(f"{where} holds no key; {_REMEDY}")
        if len(key) < LEAST_BYTES:
            raise ValueError(f"{where} holds a key of {len(key)} bytes, and {LEAST_BYTES} are the least; {_REMEDY}")
        return key

    def _read(self, environment: Mapping[str, str]) -> bytes:
        if self.key_file is None:
            return environment.get(str(self.key_variable), "").encode(errors="surrogateescape")
        path = Path(self.key_file)
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"key file {path} is no file of at most {_MOST_BYTES} bytes; {_REMEDY}")
        return path.read_bytes()
