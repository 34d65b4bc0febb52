"""Random changes to known inputs: the way from a right file to the many that are nearly right."""

import random
import re
from pathlib import Path

CORPUS = Path(__file__).resolve().parents[1] / "fuzz" / "corpus"

_WORDS = (
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"9" * 400, b'""', b"[]", b"{}", b"\\ud800"),
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"&a *a", b"!!python/object:os.system x", b"${X}", b"${X:-", b"<<: *a"),
    *(b"../../etc/passwd", b"[" * 2000, b"{" * 300, b'"' * 3, b"\r\n", b"\t", b"2024-02-30", b"rtsp://a:b@", b"://@"),
)


def corpus(target: str) -> list[bytes]:
    """Return the known inputs of a target."""
    return [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]


def mutate(data: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """Return something close to `data`."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.randrange(len(changed) + 1)
        until = min(len(changed), at + dice.choice((0, 1, 2, 8, 40)))
        kind = dice.randrange(6)
        if kind == 0:
            changed[at:until] = dice.choice(_WORDS)
        elif kind == 1:
            changed[at:until] = dice.randbytes(dice.choice((1, 1, 2, 9)))
        elif kind == 2:
            del changed[at:until]
        elif kind == 3:
            changed[at:at] = changed[at:until] * dice.choice((1, 2, 50))
        elif kind == 4:
            other = dice.choice(others)
            start = dice.randrange(len(other) + 1)
            changed[at:until] = other[start : start + dice.choice((5, 30, 200))]
        else:
            _change_number(changed, dice)
    return bytes(changed[:200_000])


def _change_number(changed: bytearray, dice: random.Random) -> None:
    digits = [match.start() for match in re.finditer(rb"\d", changed)]
    if digits:
        changed[dice.choice(digits)] = ord(dice.choice("0123456789-e."))
