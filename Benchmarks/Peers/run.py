"""Runs KernelVLM and its peers, interleaved, and prints one table.

    python Benchmarks/Peers/run.py [--rounds 3] [--threads 2] [--quick]

Every round runs each program in turn, as a process of its own on the same cores and the same data: first all of them 7000
steps of one image on one thread, then all of them 300 steps of 128 on one thread, then again on as many as --threads
allows. Of a batch's two the faster counts, as more threads can be slower. A program reports the time of its training steps alone:
neither loading the images, nor compiling, nor testing is part of it. Compilation has a column of its own: that of the
first round, with empty caches. Medians over the rounds; in brackets, the fastest and the slowest. All gradients are
checked before anything is timed. How much of a core the runs on one thread had is printed too: much less than 100 % means
that something else ran, or that they were paused, and that the times are not theirs.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KERNELVLM = ROOT / ".build" / "release" / "kernelvlm"
FULL_STEPS, BATCH = 7000, 128


@dataclass
class Program:
    name: str
    command: list[str]


@dataclass
class Result:
    threads: int
    seconds: float
    compile_seconds: float
    examples_per_second: float
    accuracy: float
    core_share: float


def programs() -> list[Program]:
    def peer(name: str, file: str, *flags: str) -> Program:
        return Program(name, [sys.executable, str(HERE / file), *flags])

    return [
        Program("KernelVLM", [str(KERNELVLM), "train"]),
        peer("C, one file", "c_peer.py"),
        peer("NumPy, Float64", "numpy_peer.py"),
        peer("JAX, lax.scan over the steps", "jax_peer.py", "--scan"),
        peer("JAX, one jit call a step", "jax_peer.py"),
        peer("PyTorch, torch.compile", "torch_peer.py", "--compile"),
        peer("PyTorch, eager", "torch_peer.py"),
    ]


def run(program: Program, steps: int, batch: int, threads: int, cores: list[int], environment: dict[str, str]) -> Result:
    command = program.command + ["--steps", str(steps), "--batch", str(batch), "--threads", str(threads), "--json"]
    pin = (lambda: os.sched_setaffinity(0, cores[:threads])) if cores else None
    environment = environment | {"OMP_NUM_THREADS": str(threads)}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=environment, preexec_fn=pin, capture_output=True, text=True)
    elapsed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    core_share = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / elapsed
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if found.get("dataset", "mnist") != "mnist":
        raise RuntimeError(f"{program.name} was to train on mnist, and trained on {found['dataset']}")
    seconds = found["train_seconds"]
    return Result(threads, seconds, found.get("compile_seconds", 0.0), steps * batch / seconds, found["test_accuracy"], core_share)


def load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def versions() -> str:
    from importlib.metadata import version

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "jax", "torch"))
    return f"Python {platform.python_version()}, {libraries}; KernelVLM {commit.stdout.strip() or 'of no commit'}"


def spread(values: list[float], form: str, scale: float = 1) -> str:
    values = [value * scale for value in values]
    middle = format(statistics.median(values), form)
    return middle if len(values) == 1 else f"{middle} ({min(values):{form}} to {max(values):{form}})"


def faster(results: dict[int, dict[str, list[Result]]], name: str) -> list[Result]:
    """The program's results with the number of threads that has the smaller median time."""
    return min(
        (by_name[name] for by_name in results.values()),
        key=lambda found: statistics.median(result.seconds for result in found))


def table(single: dict[str, list[Result]], many: dict[str, list[Result]], steps: int) -> str:
    """A row for each program; times of fewer than 7000 steps are scaled up to 7000, and say so."""

    def median(results: list[Result], value: str) -> float:
        return statistics.median(getattr(result, value) for result in results)

    extrapolated = "" if steps == FULL_STEPS else f", extrapolated from {steps} steps"
    lines = [
        f"| program | {FULL_STEPS} steps of one image, s{extrapolated} | us a step | times KernelVLM's | examples/s at batch "
        f"{BATCH} | threads for it | KernelVLM's is times | test accuracy after {steps} steps | compile, s: one image / {BATCH} |",
        "| --- |" + " ---: |" * 8,
    ]
    ours = next(iter(single))
    for name, results in single.items():
        seconds = [result.seconds for result in results]
        compile_seconds = [runs[0].compile_seconds for runs in (results, many[name])]
        lines.append(
            f"| {name} | {spread(seconds, '.3f', FULL_STEPS / steps)} "
            f"| {1e6 * median(results, 'seconds') / steps:.1f} "
            f"| {median(results, 'seconds') / median(single[ours], 'seconds'):.1f} "
            f"| {spread([result.examples_per_second for result in many[name]], ',.0f')} "
            f"| {many[name][0].threads} "
            f"| {median(many[ours], 'examples_per_second') / median(many[name], 'examples_per_second'):.1f} "
            f"| {100 * median(results, 'accuracy'):.2f} % "
            f"| {' / '.join(f'{value:.1f}' if value else '-' for value in compile_seconds)} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help=f"at most so many for each program at batch {BATCH}")
    parser.add_argument("--quick", action="store_true", help="one round, 350 and 10 steps: to see that all of it runs")
    options = parser.parse_args()
    if not KERNELVLM.exists():
        sys.exit(f"{KERNELVLM.relative_to(ROOT)} is not there; build it first: swift build -c release")
    if not os.environ.get("KERNELVLM_DATA"):
        sys.exit("KERNELVLM_DATA must name the folder with MNIST's four .gz files")
    rounds, steps, batch_steps = (1, 350, 10) if options.quick else (options.rounds, FULL_STEPS, 300)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    checked = subprocess.run([sys.executable, str(HERE / "check_gradients.py")], stdout=subprocess.PIPE, text=True)
    print(checked.stdout, file=sys.stderr, end="")
    if checked.returncode != 0:
        sys.exit("a gradient is wrong: nothing is timed")

    began, load_before = datetime.datetime.now(datetime.timezone.utc), load()
    single: dict[str, list[Result]] = {program.name: [] for program in programs()}
    many: dict[int, dict[str, list[Result]]] = {
        threads: {program.name: [] for program in programs()} for threads in sorted({1, options.threads})
    }
    with tempfile.TemporaryDirectory() as caches:
        environment = dict(os.environ) | {"TORCHINDUCTOR_CACHE_DIR": caches}
        for number in range(1, rounds + 1):
            for results, job in [
                (single, (steps, 1, 1)),
                *((results, (batch_steps, BATCH, threads)) for threads, results in many.items()),
            ]:
                for program in programs():
                    result = run(program, *job, cores, environment)
                    results[program.name].append(result)
                    print(
                        f"round {number}, {job[0]} steps of {job[1]}, {job[2]} thread{'s' * (job[2] > 1)}: {program.name}, "
                        f"{result.seconds:.3f} s, {result.examples_per_second:,.0f} examples/s, compiled in "
                        f"{result.compile_seconds:.1f} s, {100 * result.accuracy:.2f} %, had "
                        f"{100 * result.core_share:.0f} % of a core", file=sys.stderr, flush=True)
    alone = [*single.values(), *many[1].values()]
    least = min(result.core_share for results in alone for result in results)
    print(
        f"{cpu()}, {len(cores) or os.cpu_count()} cores; one thread for one image, at most {options.threads} for {BATCH}; "
        f"median of {rounds} rounds (fastest to slowest); {began:%Y-%m-%d %H:%M} UTC; load average {load_before} before, "
        f"{load()} after; a run on one thread had {100 * least:.0f} % of a core at least. {versions()}.\n")
    print(table(single, {name: faster(many, name) for name in single}, steps))
    return 0


if __name__ == "__main__":
    sys.exit(main())
