"""Addresses and headers as users write them."""

import pytest

from bgtasks.cli.tasks.http_address import HttpAddress
from bgtasks.cli.usage import UsageError


@pytest.mark.parametrize(
    ("url", "to", "is_loopback"),
    [
        ("http://127.0.0.1:8000/background-tasks/", "http://127.0.0.1:8000/background-tasks", True),
        ("http://[::1]:8000", "http://[::1]:8000", True),
        ("http://localhost/tasks", "http://localhost/tasks", True),
        ("https://example.org/a/b", "https://example.org/a/b", False),
        ("http://10.0.0.1/", "http://10.0.0.1", False),
    ],
)
def test_an_address(url: str, to: str, is_loopback: bool) -> None:
    address = HttpAddress.parse(url, [])
    assert address.to("/api/tasks") == f"{to}/api/tasks"
    assert address.is_loopback is is_loopback


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://example.org/",
        "http:///tasks",
        "http://example.org:port/",
        "http://[::1/",
        "http://example.org/?limit=1",
        "http://example.org/#tasks",
        "http://example.org/ tasks",
        "http://example.org/\x1b[2J",
        "http://example.org/" + "x" * 3000,
    ],
)
def test_what_is_no_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(UsageError, match=r"accepted: .*http://127.0.0.1:8000") as refused:
        HttpAddress.parse(url, [])
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="--header") as refused:
        HttpAddress.parse("http://me:secret@example.org/", [])
    assert "secret" not in str(refused.value)


def test_headers() -> None:
    address = HttpAddress.parse("http://h", ["Authorization: Bearer a:b", "X-Empty:"])
    assert address.headers == [("Authorization", "Bearer a:b"), ("X-Empty", "")]


@pytest.mark.parametrize(
    "header",
    ["secret", ": secret", "A b: secret", "A: secret\r\nB: c", "A: secret é", "A\x1b:secret"],
)
def test_a_header_that_cannot_be_sent_is_refused_and_its_value_not_shown(header: str) -> None:
    with pytest.raises(UsageError, match="accepted: 'Name: value'") as refused:
        HttpAddress.parse("http://h", [header])
    assert "secret" not in str(refused.value)
    assert "\x1b" not in str(refused.value)
