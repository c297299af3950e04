"""The demo site's images, drawn from a seed: landscapes of honest weight, and faces."""

# ruff: noqa: S311, the same seed must draw the same image
from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from random import Random

WIDTH, HEIGHT = 640, 360
_SKY, _FAR, _NEAR = range(3)
_SHADES = 64
"""Palette entries of each of the three layers, of which noise takes the last three."""


@lru_cache(maxsize=8)
def landscape_png(seed: str) -> bytes:
    """Draw a sky and two lines of hills, about 70 KB."""
    random = Random(seed)
    hue = random.random()
    far = _ridge(random, height=150)
    near = _ridge(random, height=250)
    sky, far_hill, near_hill = (
        bytes(layer * _SHADES + y * (_SHADES - 3) // HEIGHT for y in range(HEIGHT)) for layer in (_SKY, _FAR, _NEAR)
    )
    # Drawn column by column, because hills are columns, then read out row by row.
    columns = b"".join(
        sky[:a] + far_hill[a : max(a, b)] + near_hill[max(a, b) :] for a, b in zip(far, near, strict=True)
    )
    noise = int.from_bytes(random.randbytes(len(columns)), "big") & int.from_bytes(b"\x03" * len(columns), "big")
    grainy = (int.from_bytes(columns, "big") + noise).to_bytes(len(columns), "big")
    rows = b"".join(b"\x00" + grainy[y::HEIGHT] for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"PLTE", _palette(hue))
        + _chunk(b"IDAT", zlib.compress(rows, 6))
        + _chunk(b"IEND", b"")
    )


def face_svg(handle: str, name: str) -> bytes:
    """Draw an author's picture: an initial on a coloured disc."""
    random = Random(handle)
    hue = random.randrange(360)
    initial = next((letter for letter in name if letter.isalnum()), "?")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48">'
        f'<rect width="48" height="48" fill="hsl({hue} 45% 46%)"/>'
        f'<path d="M0 {random.randrange(26, 40)}q12-8 24 0t24 0v24H0z" fill="hsl({hue} 45% 38%)"/>'
        '<text x="24" y="31" font-family="system-ui, sans-serif" font-size="21" fill="#fff" text-anchor="middle">'
        f"{initial}</text></svg>"
    ).encode()


def _ridge(random: Random, *, height: int) -> list[int]:
    """Walk along the top of a line of hills: one y for each x."""
    y, slope = float(height + random.randrange(-30, 30)), 0.0
    ridge = []
    for _ in range(WIDTH):
        slope = slope * 0.97 + random.uniform(-0.12, 0.12) + (height - y) * 0.0006
        y = min(max(y + slope, 20.0), HEIGHT - 20.0)
        ridge.append(int(y))
    return ridge


def _palette(hue: float) -> bytes:
    """Give three ramps of colour, dusk to dark, around a hue from 0 to 1."""
    tint = int(60 * hue)
    ends = (
        ((255 - tint, 196 + tint // 2, 150 + tint), (110 + tint, 140, 190)),
        ((120, 130 + tint // 2, 160), (70 + tint // 2, 100, 130)),
        ((50, 80 + tint // 2, 90), (20, 40, 50 + tint // 2)),
    )
    return bytes(
        start + (end - start) * shade // _SHADES
        for first, last in ends
        for shade in range(_SHADES)
        for start, end in zip(first, last, strict=True)
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
