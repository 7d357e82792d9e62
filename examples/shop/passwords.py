"""Passwords as the database keeps them: salted, and slow to try."""

import hashlib
import hmac
import secrets


def hashed(password: str) -> str:
    """What is kept of a password."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}:{_key(password, salt).hex()}"


def is_right(password: str, kept: str) -> bool:
    """Whether this is the password of which ``kept`` was made. Takes some 50 ms."""
    salt, _, key = kept.partition(":")
    return hmac.compare_digest(_key(password, bytes.fromhex(salt)), bytes.fromhex(key))


def _key(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
