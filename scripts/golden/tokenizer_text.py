"""The text generator of the tokenizer's golden test: the same strings in Python and in Swift (GoldenText.swift).

A linear congruential generator picks groups and units from alphabet.txt; nothing else enters. Change both sides or none.
"""


def read_alphabet(path):
    """[[unit, ...], ...]: a line is `name<TAB>items`; an item is `hex+hex+...` (one unit) or `hex-hex` (a range)."""
    groups = []
    for line in open(path, encoding="ascii"):
        units = []
        for item in line.rstrip("\n").split("\t")[1].split(","):
            first, _, last = item.partition("-")
            if last:
                units += [chr(c) for c in range(int(first, 16), int(last, 16) + 1)]
            else:
                units.append("".join(chr(int(c, 16)) for c in item.split("+")))
        groups.append(units)
    return groups


def strings(groups, seed, count):
    state = seed

    def below(n):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % n

    for _ in range(count):
        text = []
        for _ in range(1 + below(6)):
            units = groups[below(len(groups))]
            for _ in range(1 + below(10)):
                text.append(units[below(len(units))])
            if below(2):
                text.append(" ")
        yield "".join(text)


def fnv(lists):
    """64-bit FNV-1a over the ids of several strings, four bytes each, little endian, with 2^32 - 1 after each string."""
    value = 0xCBF29CE484222325
    for ids in lists:
        for number in [*ids, 0xFFFFFFFF]:
            for byte in number.to_bytes(4, "little"):
                value = (value ^ byte) * 0x100000001B3 % 2**64
    return value
