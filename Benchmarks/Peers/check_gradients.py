"""Compares every peer's gradient with the project's fixtures, which KernelVLM's own tests compare with its gradient.

At the seed-42 parameters, for two images, with and without the reconstruction term: the largest error of each tensor,
relative to the tensor's largest magnitude. NumPy's Float64 may be off by 1e-9. For float32 the bound is sampled, as in
the project's own tests (Vignes, "A stochastic arithmetic for reliable scientific computation", 1993): the NumPy peer
computes in float32 with all operands disturbed in their last bit, eight times, and four times the largest error of these
is allowed. Then each tensor in turn is scaled by 1.01, which must be found.

Exits with 1 if anything is off. Names of peers as arguments check these alone.
"""

from __future__ import annotations

import common  # first: it sets the thread limits

import importlib
import json
import struct
import sys
from pathlib import Path
from typing import Callable

import numpy as np
import numpy_peer

FIXTURES = Path(__file__).resolve().parents[2] / "Tests" / "KernelVLMTests" / "Fixtures"
SAMPLES, MARGIN = 8, 4
Tensors = dict[str, np.ndarray]


def read_safetensors(path: Path) -> tuple[Tensors, dict[str, str]]:
    """The Float64 tensors of a file and its metadata: 8 bytes for the size of a JSON header, the header, the data."""
    raw = path.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(raw[begin:end], {"F64": "<f8"}[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def errors(found: Tensors, expected: Tensors) -> dict[str, float]:
    """Each tensor's largest error in units of its largest magnitude; NaN is infinitely far."""
    if found.keys() != expected.keys():
        raise ValueError(f"expected {sorted(expected)}, found {sorted(found)}")
    result = {}
    for name, values in expected.items():
        error = np.abs(found[name].astype(np.float64) - values).max() / np.abs(values).max()
        result[name] = float("inf") if np.isnan(error) else float(error)
    return result


def disturbed(values: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """In float32, each value moved by -1, 0 or 1 unit of its last bit."""
    near = values.astype(np.float32)
    return near + np.spacing(near) * random.randint(-1, 2, near.shape).astype(np.float32)


def float32_bounds(tensors: Tensors, x: np.ndarray, label: int, recon: float, expected: Tensors) -> dict[str, float]:
    samples = []
    for seed in range(1, SAMPLES + 1):
        random = np.random.RandomState(seed)
        moved = {name: disturbed(values, random) for name, values in tensors.items()}
        samples.append(errors(numpy_peer.check_gradient(moved, disturbed(x, random), label, recon), expected))
    return {name: MARGIN * max(sample[name] for sample in samples) for name in expected}


def peers(wanted: list[str]) -> dict[str, tuple[Callable, np.dtype]]:
    """Each gradient to check: of one image, or of a batch of three copies, and the type it is computed in."""
    found: dict[str, tuple[Callable, np.dtype]] = {}
    for name, module, dtype in [
        ("numpy", "numpy_peer", np.float64), ("c", "c_peer", np.float32), ("jax", "jax_peer", np.float32),
        ("torch", "torch_peer", np.float32),
    ]:
        if wanted and name not in wanted:
            continue
        check = importlib.import_module(module).check_gradient
        found[name] = check, np.dtype(dtype)
        if name == "torch":
            found["torch, compiled"] = lambda *a, check=check: check(*a, compile=True), np.dtype(dtype)
        found[f"{name}, batch"] = lambda *a, check=check: check(*a, copies=3), np.dtype(dtype)
    return found


def main() -> int:
    initial, _ = read_safetensors(FIXTURES / "init-seed42.safetensors")
    drawn = common.initial_tensors()
    if any(not np.array_equal(drawn[name], values) for name, values in initial.items()):
        print("the seed-42 parameters are not those of init-seed42.safetensors")
        return 1
    failures = 0
    for image in "ab":
        activations, metadata = read_safetensors(FIXTURES / f"activations-init-{image}.safetensors")
        x, label = activations["x"], common.NAMES.index(metadata["name"])
        for kind, recon in [("exact", 0.0), ("exact-recon", 0.01)]:
            expected, _ = read_safetensors(FIXTURES / f"gradients-{kind}-init-{image}.safetensors")
            single = float32_bounds(drawn, x, label, recon, expected)
            assert max(single.values()) < 1e-2, f"a bound that sees nothing: {single}"
            for name, (check, dtype) in peers(sys.argv[1:]).items():
                bounds = single if dtype == np.float32 else dict.fromkeys(expected, 1e-9)
                found = check(drawn, x.astype(dtype), label, recon)
                shares = {tensor: error / bounds[tensor] for tensor, error in errors(found, expected).items()}
                worst = max(shares, key=shares.get)
                # A fault must be found in whichever tensor it is.
                missed = [
                    tensor for tensor in expected
                    if errors(found | {tensor: found[tensor] * 1.01}, expected)[tensor] <= bounds[tensor]
                ]
                passed = shares[worst] <= 1 and not missed
                failures += not passed
                print(
                    f"{'ok  ' if passed else 'FAIL'} {name}, image {image}, {kind}: worst {worst}, error "
                    f"{shares[worst] * bounds[worst]:.1e} of {bounds[worst]:.1e} allowed"
                    + (f"; a fault of 1 % is not found in {', '.join(missed)}" if missed else "; faults of 1 % found")
                )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
