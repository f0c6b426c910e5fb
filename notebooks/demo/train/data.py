"""Fashion-MNIST as Debian's package dataset-fashion-mnist installs it."""

import gzip
import hashlib
import os

import numpy as np

FOLDER = "/usr/share/datasets/fashion-mnist"

# SHA-256 of the four files, so that a changed package is noticed.
HASHES = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}

# Images of the training file that no gradient ever sees: 200 of each class,
# for the figures during training; the calibration images are drawn from them.
HELD_OUT_PER_CLASS = 200


def load(folder=FOLDER):
    """Returns train images [60000,28,28] uint8, train labels, test images, test labels."""
    raw = {}
    for name, want in HASHES.items():
        with open(os.path.join(folder, name), "rb") as f:
            packed = f.read()
        have = hashlib.sha256(packed).hexdigest()
        if have != want:
            raise ValueError(f"{name}: SHA-256 is {have}, want {want}")
        raw[name.split(".")[0]] = gzip.decompress(packed)
    return (images(raw["train-images-idx3-ubyte"]), labels(raw["train-labels-idx1-ubyte"]),
            images(raw["t10k-images-idx3-ubyte"]), labels(raw["t10k-labels-idx1-ubyte"]))


def images(b):
    magic, n, h, w = np.frombuffer(b, ">u4", 4)
    if magic != 2051 or len(b) != 16 + n * h * w:
        raise ValueError("not an IDX file of images")
    return np.frombuffer(b, np.uint8, offset=16).reshape(n, h, w)


def labels(b):
    magic, n = np.frombuffer(b, ">u4", 2)
    if magic != 2049 or len(b) != 8 + n:
        raise ValueError("not an IDX file of labels")
    return np.frombuffer(b, np.uint8, offset=8)


def split(train_labels, seed):
    """Returns the indices to train on and the indices held out, both sorted."""
    rng = np.random.RandomState(seed)
    held = np.concatenate([
        rng.choice(np.flatnonzero(train_labels == c), HELD_OUT_PER_CLASS, replace=False)
        for c in range(10)])
    keep = np.ones(len(train_labels), bool)
    keep[held] = False
    return np.flatnonzero(keep), np.sort(held)
