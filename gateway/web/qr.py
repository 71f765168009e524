"""QR codes (ISO/IEC 18004) of short texts, in bytes with error correction M: versions 1 to 10, as rows of modules."""

from collections.abc import Iterator

Modules = list[list[bool]]
_BLOCKS = ((10, 1), (16, 1), (26, 1), (18, 2), (24, 2), (16, 4), (18, 4), (22, 4), (22, 5), (26, 5))
"""For each version: code words of error correction in a block, and blocks."""
_TOTAL = (26, 44, 70, 100, 134, 172, 196, 242, 292, 346)
"""Code words of each version."""
_ALIGNED = ((), (6, 18), (6, 22), (6, 26), (6, 30), (6, 34), (6, 22, 38), (6, 24, 42), (6, 26, 46), (6, 28, 50))
_LEVEL_M = 0
_MOST = len(_TOTAL)
_FINDER_LIKE = (
    [True, False, True, True, True, False, True] + [False] * 4,
    [False] * 4 + [True, False, True, True, True, False, True],
)


class TooLong(ValueError):
    """A text that does not fit into the largest code that is made here."""


def encode(text: str) -> Modules:
    """The code of a text: rows of modules, True is dark; without the quiet zone of four around it.

    Raises:
        TooLong: it has more than about 210 bytes.
    """
    data = text.encode()
    for version in range(1, _MOST + 1):
        room = _TOTAL[version - 1] - _BLOCKS[version - 1][0] * _BLOCKS[version - 1][1]
        if len(data) + (2 if version < _MOST else 3) <= room:
            return _Code(version, _words(data, version, room)).best()
    raise TooLong


def path(modules: Modules) -> str:
    """The dark modules as the data of one SVG path, a unit each, inside a quiet zone of four."""
    return "".join(f"M{x + 4} {y + 4}h1v1h-1z" for y, row in enumerate(modules) for x, dark in enumerate(row) if dark)


def _words(data: bytes, version: int, room: int) -> list[int]:
    """Data and error correction, interleaved."""
    length = 16 if version >= _MOST else 8
    bits = f"0100{len(data):0{length}b}" + "".join(f"{byte:08b}" for byte in data)
    bits += "0" * min(4, room * 8 - len(bits))
    bits += "0" * (-len(bits) % 8)
    words = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    words += [(0xEC, 0x11)[at % 2] for at in range(room - len(words))]
    correction, count = _BLOCKS[version - 1]
    short = room // count
    sizes = [short + (at >= count - room % count) for at in range(count)]
    blocks = [words[sum(sizes[:at]) : sum(sizes[: at + 1])] for at in range(count)]
    checks = [_correction(block, correction) for block in blocks]
    found = [block[at] for at in range(short + 1) for block in blocks if at < len(block)]
    return found + [check[at] for at in range(correction) for check in checks]


def _multiply(x: int, y: int) -> int:
    """In the field of 256 elements with the polynomial 0x11D."""
    product = 0
    for bit in range(7, -1, -1):
        product = (product << 1) ^ (0x11D if product & 0x80 else 0)
        product ^= x if y >> bit & 1 else 0
    return product


def _correction(data: list[int], degree: int) -> list[int]:
    """Reed-Solomon: the remainder by the generator of this degree."""
    generator, root = [0] * (degree - 1) + [1], 1
    for _ in range(degree):
        generator = [
            _multiply(one, root) ^ (generator[at + 1] if at + 1 < degree else 0) for at, one in enumerate(generator)
        ]
        root = _multiply(root, 2)
    rest = [0] * degree
    for word in data:
        factor = word ^ rest[0]
        rest = [one ^ _multiply(of, factor) for one, of in zip([*rest[1:], 0], generator, strict=True)]
    return rest


def _remainder(value: int, bits: int, polynomial: int) -> int:
    """The remainder of a BCH code."""
    rest = value
    for _ in range(bits):
        rest = (rest << 1) ^ ((rest >> bits - 1) * polynomial)
    return rest


class _Code:
    def __init__(self, version: int, words: list[int]) -> None:
        self._version, self._size = version, 17 + 4 * version
        self._modules = [[False] * self._size for _ in range(self._size)]
        self._fixed = [[False] * self._size for _ in range(self._size)]
        self._patterns()
        self._put(words)

    def best(self) -> Modules:
        """With the mask that leaves the fewest patterns that a reader could stumble over."""
        return min((self._masked(mask) for mask in range(8)), key=_penalty)

    def _set(self, x: int, y: int, *, dark: bool) -> None:
        self._modules[y][x], self._fixed[y][x] = dark, True

    def _patterns(self) -> None:
        size = self._size
        for at in range(size):
            self._set(6, at, dark=at % 2 == 0)
            self._set(at, 6, dark=at % 2 == 0)
        for x, y in ((3, 3), (size - 4, 3), (3, size - 4)):
            self._rings(x, y, 4)
        corners = {(6, 6), (6, size - 7), (size - 7, 6)}
        for x in _ALIGNED[self._version - 1]:
            for y in _ALIGNED[self._version - 1]:
                if (x, y) not in corners:
                    self._rings(x, y, 2)
        self._format(0)
        if self._version >= 7:
            bits = self._version << 12 | _remainder(self._version, 12, 0x1F25)
            for at in range(18):
                x, y = size - 11 + at % 3, at // 3
                self._set(x, y, dark=bool(bits >> at & 1))
                self._set(y, x, dark=bool(bits >> at & 1))

    def _rings(self, x: int, y: int, reach: int) -> None:
        """A finder (reach 4, with its separator) or an alignment pattern (reach 2)."""
        light = {2, 4} if reach == 4 else {1}
        for row in range(max(0, y - reach), min(self._size, y + reach + 1)):
            for column in range(max(0, x - reach), min(self._size, x + reach + 1)):
                self._set(column, row, dark=max(abs(column - x), abs(row - y)) not in light)

    def _format(self, mask: int) -> None:
        value, size = _LEVEL_M << 3 | mask, self._size
        bits = (value << 10 | _remainder(value, 10, 0x537)) ^ 0x5412
        dark = [bool(bits >> at & 1) for at in range(15)]
        for at in range(15):
            down = at + (at >= 6) if at < 8 else size - 15 + at
            along = size - 1 - at if at < 8 else 15 - at - (at >= 9)
            self._set(8, down, dark=dark[at])
            self._set(along, 8, dark=dark[at])
        self._set(8, size - 8, dark=True)

    def _way(self) -> Iterator[tuple[int, int]]:
        """The free modules in the order in which code words fill them: two columns at a time, up and down."""
        upward = True
        for right in (one - (one <= 6) for one in range(self._size - 1, 0, -2)):
            rows = range(self._size - 1, -1, -1) if upward else range(self._size)
            yield from ((x, y) for y in rows for x in (right, right - 1) if not self._fixed[y][x])
            upward = not upward

    def _put(self, words: list[int]) -> None:
        bits = [bool(word >> at & 1) for word in words for at in range(7, -1, -1)]
        for (x, y), dark in zip(self._way(), bits, strict=False):
            self._modules[y][x] = dark

    def _masked(self, mask: int) -> Modules:
        self._format(mask)
        return [
            [dark ^ (not self._fixed[y][x] and _MASKS[mask](x, y)) for x, dark in enumerate(row)]
            for y, row in enumerate(self._modules)
        ]


_MASKS = (
    lambda x, y: (x + y) % 2 == 0,
    lambda _, y: y % 2 == 0,
    lambda x, _: x % 3 == 0,
    lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (x // 3 + y // 2) % 2 == 0,
    lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)


def _penalty(modules: Modules) -> int:
    size = len(modules)
    lines = [*modules, *([row[at] for row in modules] for at in range(size))]
    found = sum(_runs(line) for line in lines)
    found += 40 * sum(line[at : at + 11] in _FINDER_LIKE for line in lines for at in range(size - 10))
    found += 3 * sum(
        modules[y][x] == modules[y][x + 1] == modules[y + 1][x] == modules[y + 1][x + 1]
        for y in range(size - 1)
        for x in range(size - 1)
    )
    dark = sum(map(sum, modules))
    return found + 10 * (abs(dark * 20 - size * size * 10) // (size * size))


def _runs(line: list[bool]) -> int:
    """Five alike count 3, each further one 1 more."""
    found, run = 0, 1
    for before, after in zip(line, [*line[1:], None], strict=True):
        if before is after:
            run += 1
            continue
        found += run - 2 if run >= 5 else 0
        run = 1
    return found
