"""NTP packets and timestamps: pure, and without loss."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.net.ntp.packet import SIZE, Mode, Packet, decode
from wirework.net.ntp.timestamps import (
    ERA,
    UNIX_EPOCH,
    difference,
    from_unix_ns,
    offset_and_delay,
    to_unix_ns,
)

UINT32 = st.integers(0, 2**32 - 1)
UINT64 = st.integers(0, 2**64 - 1)
INT8 = st.integers(-128, 127)
PACKETS = st.builds(
    Packet,
    leap=st.integers(0, 3),
    version=st.integers(0, 7),
    mode=st.integers(0, 7),
    stratum=st.integers(0, 255),
    poll=INT8,
    precision=INT8,
    root_delay=UINT32,
    root_dispersion=UINT32,
    reference_id=st.binary(min_size=4, max_size=4),
    reference=UINT64,
    origin=UINT64,
    receive=UINT64,
    transmit=UINT64,
)
YEARS_68 = 2**31 - 10
SECOND = 10**9

ON_THE_WIRE = bytes.fromhex(
    "24 03 06 e8 00000a3d 00000f5c c0000201"
    "e3dd32d6 10000000 e3dd3300 20000000 e3dd3300 30000000 e3dd3300 40000000"
)


@given(PACKETS)
def test_packets_come_back_as_they_were(packet: Packet) -> None:
    assert decode(packet.encode()) == packet


@given(st.binary(min_size=SIZE, max_size=SIZE), st.binary(max_size=100))
def test_every_48_bytes_come_back_and_what_follows_is_left(data: bytes, rest: bytes) -> None:
    assert decode(data + rest).encode() == data


@given(st.binary(max_size=SIZE - 1))
def test_fewer_than_48_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=f"{len(data)} bytes are no NTP packet"):
        decode(data)


def test_fields_stand_where_the_rfc_puts_them() -> None:
    assert decode(ON_THE_WIRE) == Packet(
        leap=0,
        version=4,
        mode=Mode.SERVER,
        stratum=3,
        poll=6,
        precision=-24,
        root_delay=0x0A3D,
        root_dispersion=0x0F5C,
        reference_id=bytes([192, 0, 2, 1]),
        reference=0xE3DD32D6_10000000,
        origin=0xE3DD3300_20000000,
        receive=0xE3DD3300_30000000,
        transmit=0xE3DD3300_40000000,
    )


@pytest.mark.parametrize(
    "packet",
    [
        Packet(leap=4),
        Packet(version=8),
        Packet(mode=-1),
        Packet(stratum=256),
        Packet(poll=128),
        Packet(root_delay=-1),
        Packet(transmit=2**64),
        Packet(reference_id=b"GPS"),
    ],
)
def test_fields_too_large_for_their_bits_are_refused(packet: Packet) -> None:
    with pytest.raises(ValueError, match=r"."):
        packet.encode()


@given(st.integers(-UNIX_EPOCH, 2**34).map(lambda s: s * SECOND), st.integers(0, SECOND - 1))
def test_nanoseconds_come_back_in_whatever_era(seconds: int, part: int) -> None:
    now = seconds + part
    assert to_unix_ns(from_unix_ns(now), near=now) == now


@given(st.integers(0, 2**33), st.integers(-YEARS_68, YEARS_68))
def test_the_era_is_the_nearest_to_this_clock(here: int, away: int) -> None:
    there = here + away
    assert to_unix_ns(from_unix_ns(there * SECOND), near=here * SECOND) == there * SECOND


@pytest.mark.parametrize(
    ("timestamp", "here", "means"),
    [
        (UNIX_EPOCH << 32, "2026-01-01", "1970-01-01"),
        (0xFFFFFFFF << 32, "2026-01-01", "2036-02-07T06:28:15"),
        (0, "2026-01-01", "2036-02-07T06:28:16"),
        (0, "1960-01-01", "1900-01-01"),
        (100 << 32, "2060-01-01", "2036-02-07T06:29:56"),
        (0xFFFFFFFF << 32, "2100-01-01", "2036-02-07T06:28:15"),
    ],
)
def test_timestamps_around_2036(timestamp: int, here: str, means: str) -> None:
    near, expected = (
        int(dt.datetime.fromisoformat(each).replace(tzinfo=dt.UTC).timestamp()) * SECOND
        for each in (here, means)
    )
    assert to_unix_ns(timestamp, near=near) == expected


@given(UINT64, st.integers(-(2**63), 2**63 - 1))
def test_differences_are_right_across_eras(earlier: int, by: int) -> None:
    assert difference((earlier + by) % ERA, earlier) == by


@given(
    start=st.integers(0, 2**33),
    there=st.integers(0, 10**9),
    work=st.integers(0, 10**9),
    offset=st.integers(-YEARS_68 // 2, YEARS_68 // 2),
)
def test_offset_and_delay_of_an_even_way(start: int, there: int, work: int, offset: int) -> None:
    t1 = start * SECOND
    t2 = t1 + there + offset * SECOND
    t3 = t2 + work
    t4 = t1 + there + work + there
    times = [from_unix_ns(each) for each in (t1, t2, t3, t4)]

    told, delay = offset_and_delay(*times)

    assert told == pytest.approx(offset, abs=2e-6)
    assert delay == pytest.approx(2 * there / SECOND, abs=2e-9)


def test_an_offset_of_a_nanosecond_is_not_lost_beside_large_numbers() -> None:
    unit = 2**-32
    t1 = 0xE3DD3300 << 32
    assert offset_and_delay(t1, t1 + 5, t1 + 6, t1 + 3) == (4 * unit, 2 * unit)
