"""Lines and regions that the tests run, by area: coverage.py EXPORT [--uncovered]

EXPORT is what `llvm-cov export` writes. A region is a stretch of code that runs as a whole or not at all; where several
functions come from one source, as the kernels of each instruction set do, a region that is run in one of them counts.

Fails if an area is under its limit. Not counted, unless run:
- what only a trap runs, as the message of a precondition: a process that traps writes no counts, be it tested or not;
- regions without code: a brace that closes after an endless loop, and the `...` of `bytes[...]`, which is a function;
- what `unreachable` names, with its reason. An entry there for code that is run, or that is gone, fails too.
"""

import json
import os
import re
import sys
from collections import defaultdict

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# The name, the paths' beginnings, the least percentage. A file belongs to the first area that fits.
AREAS = [
    (
        "readers and checkpoint",
        [
            "Sources/KernelVLM/Checkpoint/", "Sources/KernelVLM/Files/", "Sources/KernelVLM/Data/Dataset",
            "Sources/CPictures/",
        ],
        100,
    ),
    ("rest of the library", ["Sources/KernelVLM/"], 90),
    ("core", ["Sources/KernelVLMCore/"], 90),
    ("reference kernels", ["Sources/ReferenceKernels/"], 90),
    ("C kernels", ["Sources/CVLMKernels/", "include/"], 90),
    ("command", ["Sources/KernelVLMCommand/"], 90),
]


class File:
    def __init__(self):
        self.regions = defaultdict(int)  # (line, column, last line, last column): how often run
        self.lines = {}  # line: how often run

    def excuse(self, applies):
        """Takes out the regions that are not run and to which this applies, and their lines; how many there were."""
        regions = [region for region, count in self.regions.items() if count == 0 and applies(region)]
        for region in regions:
            del self.regions[region]
            for line in range(region[0], region[2] + 1):
                if self.lines.get(line) == 0:
                    del self.lines[line]
        return len(regions)


def line_counts(segments):
    """How often each line with code is run, as llvm-cov counts: by the regions that begin on it or reach into it."""
    by_line = defaultdict(list)
    for line, column, count, has_count, is_entry, is_gap in segments:
        by_line[line].append((count, has_count, is_entry and not is_gap))
    counts, wrapped = {}, None
    for line in range(min(by_line, default=0), max(by_line, default=-1) + 1):
        here = by_line[line]
        entries = [count for count, has_count, is_entry in here if has_count and is_entry]
        reaching = [wrapped[0]] if wrapped and wrapped[1] else []
        begins_skipped = here and not here[0][1] and here[0][2]
        if (entries or reaching) and not begins_skipped:
            counts[line] = max(entries + reaching)
        wrapped = here[-1] if here else wrapped
    return counts


def load(path):
    with open(path) as file:
        data = json.load(file)["data"][0]
    files = defaultdict(File)
    for function in data["functions"]:
        for region in function["regions"]:
            place, count, file_id, kind = tuple(region[:4]), region[4], region[5], region[7]
            if kind == 0:
                regions = files[function["filenames"][file_id]].regions
                regions[place] = max(regions[place], count)
    for file in data["files"]:
        files[file["filename"]].lines = line_counts(file["segments"])
    inside = {os.path.relpath(path, ROOT): file for path, file in files.items()}
    return {path: file for path, file in inside.items() if path.startswith(("Sources/", "include/"))}


def source(path):
    with open(os.path.join(ROOT, path)) as file:
        return file.read().splitlines()


TRAP = r"(precondition|preconditionFailure|assert|assertionFailure|fatalError)\("


def is_trap(lines, region):
    """Whether the region is an argument of a call that traps, or begins with one."""
    line, column = region[:2]
    before = " ".join(lines[max(0, line - 4) : line - 1] + [lines[line - 1][: column - 1]])
    calls = list(re.finditer(TRAP, before))
    inside = calls and before[calls[-1].end() :].count(")") <= before[calls[-1].end() :].count("(")
    return inside or re.match(r"[{\s]*" + TRAP, text(lines, region)) is not None


def has_code(lines, region):
    return re.sub(r"[{}\s]", "", text(lines, region)) not in ("", "...")


def text(lines, region):
    line, column, last, last_column = region
    if line == last:
        return lines[line - 1][column - 1 : last_column - 1]
    return "\n".join([lines[line - 1][column - 1 :]] + lines[line : last - 1] + [lines[last - 1][: last_column - 1]])


def unreachable():
    """(path, code of the line) of each entry: a line "path: code", and under it, indented, the reason."""
    with open(os.path.join(ROOT, "Tests/unreachable")) as file:
        lines = [line.rstrip() for line in file if line.strip() and not line.startswith("#")]
    for line, following in zip(lines, lines[1:] + [""]):
        if not line.startswith(" "):
            path, _, code = line.partition(": ")
            if not following.startswith(" "):
                sys.exit(f"Tests/unreachable: expected a reason under: {line}")
            yield path, code


def percentage(counts):
    return 100 * sum(count > 0 for count in counts) / len(counts) if counts else 100


def figure(counts):
    return f"{sum(count > 0 for count in counts)}/{len(counts)} {percentage(counts):6.2f} %"


def main():
    files = load(sys.argv[1])
    faults = []
    traps = empty = listed = 0
    for path, file in files.items():
        lines = source(path)
        traps += file.excuse(lambda region: is_trap(lines, region))
        empty += file.excuse(lambda region: not has_code(lines, region))
    for path, code in unreachable():
        numbers = {i for i, line in enumerate(source(path), 1) if line.strip() == code} if path in files else {}
        excused = files[path].excuse(lambda region: region[0] in numbers) if numbers else 0
        listed += excused
        if not numbers:
            faults.append(f"Tests/unreachable: no longer there: {path}: {code}")
        elif excused == 0:
            faults.append(f"Tests/unreachable: run by a test after all: {path}: {code}")

    areas = defaultdict(list)
    for path in sorted(files):
        name = next(name for name, beginnings, _ in AREAS if path.startswith(tuple(beginnings)))
        areas[name].append(path)
    print(f"{'area':24}{'lines':>20}{'regions':>20}{'at least':>12}")
    for name, _, least in AREAS:
        lines = [count for path in areas[name] for count in files[path].lines.values()]
        regions = [count for path in areas[name] for count in files[path].regions.values()]
        print(f"{name:24}{figure(lines):>20}{figure(regions):>20}{least:>10} %")
        if min(percentage(lines), percentage(regions)) < least:
            faults.append(f"{name}: under {least} %")
        for path in areas[name]:
            if least == 100 or "--uncovered" in sys.argv:
                show_uncovered(path, files[path])
    print(f"Not counted: {traps} regions that only a trap runs, {empty} without code, {listed} in Tests/unreachable")
    sys.exit("\n".join(faults) if faults else 0)


def show_uncovered(path, file):
    lines = source(path)
    for line, column, *_ in sorted(region for region, count in file.regions.items() if count == 0):
        print(f"  not run: {path}:{line}:{column}: {lines[line - 1].strip()}")
    begun = {region[0] for region, count in file.regions.items() if count == 0}
    for line in sorted(line for line, count in file.lines.items() if count == 0 and line not in begun):
        print(f"  not run: {path}:{line}: {lines[line - 1].strip()}")


main()
