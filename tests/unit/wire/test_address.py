import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fourtuple.wire.address import (
    V4_ANY,
    V4_BROADCAST,
    V4_LOOPBACK,
    V6_ANY,
    V6_LOOPBACK,
    format_ip,
    format_mac,
    format_mapped,
    is_any,
    is_link_local,
    is_loopback,
    is_multicast,
    is_v4,
    parse_ip,
    parse_mac,
    prefix_mask,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0", V4_ANY),
        ("127.0.0.1", V4_LOOPBACK),
        ("255.255.255.255", V4_BROADCAST),
        ("::", V6_ANY),
        ("::1", V6_LOOPBACK),
        ("2001:db8::a:0:0:1", 0x20010DB8_00000000_000A0000_00000001),
    ],
)
def test_text_and_address_are_each_others(text: str, address: int) -> None:
    assert parse_ip(text) == address
    assert format_ip(address) == text


def test_mapped_text_is_the_ipv4_address() -> None:
    assert parse_ip("::ffff:10.0.0.1") == parse_ip("10.0.0.1")
    assert format_mapped(parse_ip("10.0.0.1")) == "::ffff:10.0.0.1"
    assert format_mapped(V6_LOOPBACK) == "::1"


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.256", "host", "::g", "1::2::3", "10.0.0.1/8", "fe80::1%eth0"]
)
def test_text_that_is_no_address_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="not an IP address") as caught:
        parse_ip(text)
    assert repr(text) in str(caught.value)


@given(st.integers(0, 2**32 - 1))
def test_ipv4_questions_have_the_standard_librarys_answers(low: int) -> None:
    theirs = ipaddress.IPv4Address(low)
    ours = parse_ip(str(theirs))
    assert is_v4(ours)
    assert format_ip(ours) == str(theirs)
    assert is_multicast(ours) == theirs.is_multicast
    assert is_loopback(ours) == theirs.is_loopback
    assert is_link_local(ours) == theirs.is_link_local


@given(st.sampled_from(["::/8", "::/100", "ff00::/8", "fe80::/9", "::fffc:0:0/94", "::/0"]), st.data())
def test_ipv6_questions_have_the_standard_librarys_answers(network: str, data: st.DataObject) -> None:
    theirs = data.draw(st.ip_addresses(network=network))
    ours = int(theirs)
    assert is_v4(ours) == (theirs.ipv4_mapped is not None)
    if not is_v4(ours):
        assert is_multicast(ours) == theirs.is_multicast
        assert is_loopback(ours) == theirs.is_loopback
        assert is_link_local(ours) == theirs.is_link_local


def test_is_any_holds_for_the_wildcard_of_either_family() -> None:
    assert [is_any(parse_ip(text)) for text in ("0.0.0.0", "::", "0.0.0.1", "::1")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("address", "length", "mask"),
    [
        ("10.0.0.0", 8, "255.0.0.0"),
        ("10.0.0.0", 32, "255.255.255.255"),
        ("10.0.0.0", 0, "0.0.0.0"),
    ],
)
def test_prefix_mask_of_ipv4_keeps_the_address_ipv4(address: str, length: int, mask: str) -> None:
    made = prefix_mask(parse_ip(address), length)
    assert made & V4_BROADCAST == parse_ip(mask)
    assert is_v4(parse_ip(address) & made)


def test_prefix_mask_of_ipv6_covers_its_length() -> None:
    assert format_ip(prefix_mask(V6_LOOPBACK, 64)) == "ffff:ffff:ffff:ffff::"
    assert prefix_mask(V6_LOOPBACK, 0) == 0


@given(st.integers(0, 2**48 - 1))
def test_mac_reads_back_from_its_text(mac: int) -> None:
    assert parse_mac(format_mac(mac)) == mac


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02:00:00:00:00",
        "02:00:00:00:00:001",
        "0g:00:00:00:00:00",
        "2:0:0:0:0:1",
        "1_:00:00:00:00:00",
        "+1:00:00:00:00:00",
        " 1:00:00:00:00:00",
    ],
)
def test_text_that_is_no_mac_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="not a MAC address") as caught:
        parse_mac(text)
    assert repr(text) in str(caught.value)
