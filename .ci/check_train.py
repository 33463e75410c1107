"""Checks what `kernelvlm train --json` printed: check_train.py FILE DATASET LOWEST HIGHEST [KEY=INTEGER...]"""

import json
import math
import re
import sys

KEYS = {
    "dataset": str, "train_images": int, "test_images": int, "parameters": int, "steps": int, "batch": int,
    "gradient": str, "attention": str, "backend": str, "precision": str, "threads": int, "isa": str, "seed": int,
    "final_text_loss": float, "train_seconds": float, "test_accuracy": float, "test_correct": int,
    "weights_sha256": str,
}  # fmt: skip


def unique(pairs):
    names = [name for name, _ in pairs]
    require(len(set(names)) == len(names), f"keys appear twice: {names}")
    return dict(pairs)


def require(holds, message):
    if not holds:
        sys.exit(f"train --json: {message}")


def is_type(value, kind):
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is kind


def main():
    path, dataset, lowest, highest, *others = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        # Raises if anything stands before or behind the one value.
        result = json.load(file, object_pairs_hook=unique)
    require(type(result) is dict, f"no object: {result}")
    for key, kind in KEYS.items():
        require(key in result, f"{key} is missing")
        require(is_type(result[key], kind), f"{key} is {result[key]!r}, expected {kind.__name__}")
    expected = {
        "dataset": dataset, "train_images": 60000, "test_images": 10000, "parameters": 32240, "steps": 7000,
        "batch": 1, "gradient": "exact", "attention": "tensor", "backend": "c", "precision": "float", "seed": 42,
    }  # fmt: skip
    expected.update((key, int(value)) for key, value in (other.split("=") for other in others))
    for key, value in expected.items():
        require(result[key] == value, f"{key} is {result[key]!r}, expected {value!r}")
    accuracy = result["test_accuracy"]
    require(float(lowest) <= accuracy <= float(highest), f"accuracy {accuracy}, expected {lowest} to {highest}")
    require(math.isclose(accuracy, result["test_correct"] / result["test_images"]), "accuracy is not correct / images")
    require(result["threads"] >= 1 and result["train_seconds"] > 0, "threads and seconds must be positive")
    require(result["final_text_loss"] > 0, "a loss must be positive")
    require(result["isa"] in ("baseline", "avx2", "avx512"), f"isa is {result['isa']!r}")
    require(re.fullmatch("[0-9a-f]{64}", result["weights_sha256"]), "weights_sha256 is no SHA-256")
    print(f"{dataset}: {accuracy:.4f} in {result['train_seconds']:.2f} s")


main()
