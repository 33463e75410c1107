"""Builds and runs c_peer.c, the model in one C file, as the other peers are run."""

from __future__ import annotations

import common
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_suffix(".c")
COMPILER = os.environ.get("CC", "cc")
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]
FILES = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]


def build(folder: str) -> tuple[Path, float]:
    """The program, compiled into a folder, and the seconds that this took."""
    program = Path(folder) / "c_peer"
    start = time.perf_counter()
    subprocess.run([COMPILER, *FLAGS, str(SOURCE), "-o", str(program), "-lm"], check=True)
    return program, time.perf_counter() - start


def version() -> str:
    return subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def check_gradient(
    tensors: dict[str, np.ndarray], x: np.ndarray, label: int, recon: float, copies: int = 1
) -> dict[str, np.ndarray]:
    """The gradient of one image, or of a batch of copies of it, by tensor."""
    operands = np.concatenate([common.flat_of(common.arrays_of(tensors)), x.ravel(), [label, recon, copies]])
    with tempfile.TemporaryDirectory() as folder:
        program, _ = build(folder)
        done = subprocess.run(
            [str(program), "--gradient"], input=operands.astype("<f4").tobytes(), capture_output=True, check=True)
    return common.tensors_of(common.views_of(np.frombuffer(done.stdout, "<f4")))


def main() -> None:
    options = common.arguments("The model in one C file.")
    data = os.environ.get("KERNELVLM_DATA")
    if not data:
        sys.exit("KERNELVLM_DATA must name the folder with MNIST's four .gz files")
    with tempfile.TemporaryDirectory() as folder:
        program, compile_seconds = build(folder)
        for name in FILES:
            (Path(folder) / name).write_bytes(gzip.decompress((Path(data) / f"{name}.gz").read_bytes()))
        settings = {"--steps": options.steps, "--batch": options.batch, "--threads": options.threads}
        done = subprocess.run(
            [str(program), folder, *(str(word) for setting in settings.items() for word in setting)],
            stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    seconds = found["train_seconds"]
    common.report(
        common.Run(
            "C", options.steps, options.batch, options.threads, seconds, compile_seconds,
            options.steps * options.batch / seconds, found["test_accuracy"], version()),
        options.json)


if __name__ == "__main__":
    main()
