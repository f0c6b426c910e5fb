"""Writes the images that package demo embeds.

	python3 pack.py ..

calibration.png and test.png are 8-bit grey sheets of 28×28 tiles, COLUMNS to a
row, read from left to right, then down; calibration.labels and test.labels
hold one byte per image. In both, image i is of class i mod 10, so that each
prefix is as balanced as its length allows.

calibration: 512 of the 2,000 training images that train.py holds out: of each
class the first 52 (classes 0 and 1) or 51 in the order of the file.
test: the first 200 images of each class in the order of the test file.
"""

import os
import struct
import sys
import zlib

import numpy as np

import data
import train

COLUMNS = {"calibration": 32, "test": 50}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: pack.py folder")
    train_x, train_y, test_x, test_y = data.load()
    _, held = data.split(train_y, train.SEED)
    pick = held[balanced(train_y[held], 512)]
    write(sys.argv[1], "calibration", train_x[pick], train_y[pick])
    pick = balanced(test_y, 2000)
    write(sys.argv[1], "test", test_x[pick], test_y[pick])


def balanced(labels, n):
    """Indices of n images; the i-th is of class i mod 10, each class in file order."""
    of = [np.flatnonzero(labels == c) for c in range(10)]
    return np.array([of[i % 10][i // 10] for i in range(n)])


def write(folder, name, x, y):
    columns = COLUMNS[name]
    n, h, w = x.shape
    rows = n // columns
    sheet = x.reshape(rows, columns, h, w).swapaxes(1, 2).reshape(rows * h, columns * w)
    replace(os.path.join(folder, name + ".png"), png(sheet))
    replace(os.path.join(folder, name + ".labels"), y.tobytes())
    print(f"{name}: {n} images, counts {np.bincount(y, minlength=10).tolist()}")


def png(sheet):
    """An 8-bit grey PNG, each line with the filter whose sum of magnitudes is least."""
    height, width = sheet.shape
    lines, above = [], np.zeros(width, np.int32)
    for line in sheet.astype(np.int32):
        left, corner = np.r_[0, line[:-1]], np.r_[0, above[:-1]]
        p = left + above - corner
        da, db, dc = abs(p - left), abs(p - above), abs(p - corner)
        paeth = np.where((da <= db) & (da <= dc), left, np.where(db <= dc, above, corner))
        best = min(
            ((kind, ((line - guess) & 255).astype(np.uint8)) for kind, guess in
             enumerate([0, left, above, (left + above) // 2, paeth])),
            key=lambda t: np.abs(t[1].view(np.int8).astype(int)).sum())
        lines.append(bytes([best[0]]) + best[1].tobytes())
        above = line
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"".join(lines), 9))
            + chunk(b"IEND", b""))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def replace(path, body):
    with open(path + ".tmp", "wb") as f:
        f.write(body)
    os.replace(path + ".tmp", path)
    print(f"{os.path.basename(path)}: {len(body)} bytes")


if __name__ == "__main__":
    main()
