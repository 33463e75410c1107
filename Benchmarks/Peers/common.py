"""What all peers share: data, vocabulary, initial parameters, recipe, and how a run is reported.

Letters: P = 196 pixels, F = 28 features and vision positions, D = 32 width, H = 4 heads, V = 17 tokens.

The 22 tensors of the model are kept as 10 arrays. Tensors that meet the same operand are rows of one array, so that each
peer multiplies once where the formulas multiply several times; LAYOUT says which rows are whose.

Import this before NumPy, JAX or PyTorch: it reads --threads, and the libraries read their limits when they are loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys


def _threads_asked() -> int:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_known_args()[0].threads


def limit_threads(count: int) -> None:
    """Gives this process at most `count` cores and its libraries at most as many threads."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


if "numpy" not in sys.modules:
    limit_threads(_threads_asked())

import gzip
import math
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

# Data

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LETTERS = sorted(set("".join(NAMES)))
BOS, EOS = len(LETTERS), len(LETTERS) + 1
VOCABULARY = len(LETTERS) + 2
# Text positions that predict something: BOS and the letters. The last input, EOS, predicts nothing and is not computed.
LENGTHS = np.array([len(name) + 1 for name in NAMES])
LONGEST = int(LENGTHS.max())


def _token_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inputs = np.full((10, LONGEST), EOS)
    targets = np.full((10, LONGEST), EOS)
    weights = np.zeros((10, LONGEST))
    for digit, name in enumerate(NAMES):
        letters = [LETTERS.index(letter) for letter in name]
        inputs[digit, : len(letters) + 1] = [BOS, *letters]
        targets[digit, : len(letters) + 1] = [*letters, EOS]
        weights[digit, : len(letters) + 1] = 1 / (len(letters) + 1)
    return inputs, targets, weights


# (10, 6), by digit: the token at each position, the one that follows it, and its share 1/n of the name's mean loss
# (0 beyond the name).
INPUTS, TARGETS, WEIGHTS = _token_tables()


@dataclass
class Images:
    x: np.ndarray  # (n, P), Float64, of unit norm
    labels: np.ndarray  # (n,)


def read_idx(path: Path) -> np.ndarray:
    """A gzip IDX file of bytes: two zeros, the type 8, the number of dimensions, each size, the bytes."""
    raw = gzip.decompress(path.read_bytes())
    zeros, kind, dimensions = struct.unpack(">HBB", raw[:4])
    if zeros != 0 or kind != 8:
        raise ValueError(f"{path}: expected an IDX file of bytes, found {raw[:4].hex()}")
    shape = struct.unpack(f">{dimensions}I", raw[4 : 4 + 4 * dimensions])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def unit_images(pixels: np.ndarray) -> np.ndarray:
    """(n, 28, 28) bytes: / 255, mean of each 2x2 block, x / (|x| + 1e-8): (n, P)."""
    n = len(pixels)
    x = (pixels / 255.0).reshape(n, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(n, 196)
    return x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-8)


def load(part: str) -> Images:
    """MNIST's "train" or "t10k", from the folder that KERNELVLM_DATA names."""
    folder = os.environ.get("KERNELVLM_DATA")
    if not folder:
        sys.exit("KERNELVLM_DATA must name the folder with MNIST's four .gz files")
    pixels = read_idx(Path(folder) / f"{part}-images-idx3-ubyte.gz")
    labels = read_idx(Path(folder) / f"{part}-labels-idx1-ubyte.gz")
    return Images(unit_images(pixels), labels.astype(np.int64))


# Parameters

# In the order in which they are drawn: name, shape, standard deviation.
TENSORS = [
    *((f"bae.{i}.{side}", (10, 196), 0.05) for i in (1, 2) for side in ("left", "right")),
    *((f"tensor.{side}", (12, 10), 0.08) for side in ("a", "b")),
    *((f"direct.{degree}.{i}", (8, 196), 0.05) for degree in (2, 3) for i in range(degree)),
    *((f"vision.{side}", (32, 28), 0.08) for side in ("left", "right")),
    ("wte", (17, 32), 0.08),
    ("wpe", (36, 32), 0.08),
    *((f"layers.0.attention.w{i}", (32, 32), 0.08) for i in "qkvo"),
    ("layers.0.mlp.fc1", (128, 32), 0.08),
    ("layers.0.mlp.fc2", (32, 128), 0.08),
    ("lm_head", (17, 32), 0.08),
]
SHAPES = {name: shape for name, shape, _ in TENSORS}

# Each array: its shape, and the tensors whose rows it has, one after the other.
LAYOUT: dict[str, tuple[tuple[int, ...], list[str]]] = {
    "pixels": ((80, 196), [name for name, shape, _ in TENSORS if shape[1] == 196]),
    "tensor": ((2, 12, 10), ["tensor.a", "tensor.b"]),
    "vision": ((64, 28), ["vision.left", "vision.right"]),
    "wte": ((17, 32), ["wte"]),
    "wpe": ((36, 32), ["wpe"]),
    "wqkv": ((96, 32), [f"layers.0.attention.w{i}" for i in "qkv"]),
    "wo": ((32, 32), ["layers.0.attention.wo"]),
    "fc1": ((128, 32), ["layers.0.mlp.fc1"]),
    "fc2": ((32, 128), ["layers.0.mlp.fc2"]),
    "lm_head": ((17, 32), ["lm_head"]),
}
SIZES = {name: math.prod(shape) for name, (shape, _) in LAYOUT.items()}
COUNT = sum(SIZES.values())
# Rows of `pixels`: L1 R1 L2 R2 (10 each), C0 C1 (8 each), E0 E1 E2 (8 each). The gradient of each is clipped by itself,
# as are those of the two of `tensor`.
PIXEL_STARTS = [0, 10, 20, 30, 40, 48, 56, 64, 72]
PIXEL_COUNTS = [10, 10, 10, 10, 8, 8, 8, 8, 8]


def initial_tensors(seed: int = 42) -> dict[str, np.ndarray]:
    """The published draw, by tensor."""
    random = np.random.RandomState(seed)
    return {name: random.randn(*shape) * std for name, shape, std in TENSORS}


def arrays_of(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of LAYOUT of the tensors."""
    return {
        name: np.concatenate([tensors[part] for part in parts]).reshape(shape)
        for name, (shape, parts) in LAYOUT.items()
    }


def tensors_of(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors in the arrays of LAYOUT."""
    tensors = {}
    for name, (_, parts) in LAYOUT.items():
        rows = np.asarray(arrays[name]).reshape(-1, SHAPES[parts[0]][1])
        start = 0
        for part in parts:
            tensors[part] = rows[start : start + SHAPES[part][0]]
            start += SHAPES[part][0]
    return tensors


def flat_of(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """All arrays, one after the other, in one vector of COUNT parameters."""
    return np.concatenate([arrays[name].ravel() for name in LAYOUT])


def views_of(flat: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays that lie in a vector."""
    views, start = {}, 0
    for name, (shape, _) in LAYOUT.items():
        views[name] = flat[start : start + SIZES[name]].reshape(shape)
        start += SIZES[name]
    return views


# Recipe

RATE, SCHEDULE_STEPS = 0.003, 7000
BETA1, BETA2, EPSILON = 0.85, 0.99, 1e-8
FEATURE_CLIP, CLIP = 1.0, 5.0
RECON_WEIGHT = 0.01


def learning_rate(s: int) -> float:
    """Of step s, counted from 0; 0 from the end of the schedule on."""
    return RATE * max(0.0, 1 - s / SCHEDULE_STEPS)


def batch_indices(s: int, batch: int, count: int) -> np.ndarray:
    """The images of step s: in file order, again and again."""
    return np.arange(s * batch, (s + 1) * batch) % count


def not_finite(s: int) -> FloatingPointError:
    return FloatingPointError(f"the gradient is not finite at step {s + 1}")


# Runs


def spelled_right(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether greedy generation spells the whole word, for each image, from the logits (n, 6, V) of its true name.

    Generation has the true name's prefix before it up to its first wrong letter, so it spells the word if and only if
    every letter and the EOS are the most probable after the true prefix. Names are shorter than the limit of 8 tokens.
    """
    right = logits.argmax(axis=2) == TARGETS[labels]
    return (right | (WEIGHTS[labels] == 0)).all(axis=1)


@dataclass
class Run:
    """What a peer prints. Compilation is no part of the training's time."""

    name: str
    steps: int
    batch: int
    threads: int
    train_seconds: float
    compile_seconds: float
    examples_per_second: float
    test_accuracy: float
    version: str


def arguments(description: str, *flags: tuple[str, str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--batch", type=int, default=1, help="images of a step; the gradient is their mean")
    parser.add_argument("--threads", type=int, default=1, help="at most so many cores and threads")
    parser.add_argument("--json", action="store_true", help="print one object")
    for flag, help in flags:
        parser.add_argument(flag, action="store_true", help=help)
    return parser.parse_args()


def report(run: Run, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(run)))
        return
    print(
        f"{run.name}: {run.steps} steps of {run.batch} in {run.train_seconds:.3f} s "
        f"({1e6 * run.train_seconds / run.steps:.1f} us a step, {run.examples_per_second:,.0f} examples/s), "
        f"compiled in {run.compile_seconds:.1f} s, spells {100 * run.test_accuracy:.2f} % right ({run.version})"
    )
