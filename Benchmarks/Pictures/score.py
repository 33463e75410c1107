#!/usr/bin/env python3
"""Counts what `kernelvlm see` finds on the pictures that make.py made:

    score.py KERNELVLM MODEL FOLDER...

A digit is right if it is spelled and stands in its place in the reading order; one that is not found is wrong. Of pictures
without digits it counts how many are refused: those without a word, or with none that the command is sure of.
"""
import collections
import json
import pathlib
import subprocess
import sys

NAMES = "zero one two three four five six seven eight nine".split()


def seen(command, model, folder):
    """For each file the words, and whether the command is sure of each."""
    run = subprocess.run(
        [command, "see", model, folder, "--json", "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    words = collections.defaultdict(list)
    for line in run.stdout.splitlines():
        digit = json.loads(line)
        words[pathlib.Path(digit["file"]).name].append((digit["word"], digit["sure"]))
    return words


def in_place(found, wanted):
    """The length of the longest common subsequence."""
    lengths = [[0] * (len(wanted) + 1) for _ in range(len(found) + 1)]
    for i, word in enumerate(found):
        for j, name in enumerate(wanted):
            lengths[i + 1][j + 1] = max(lengths[i][j] + (word == name), lengths[i][j + 1], lengths[i + 1][j])
    return lengths[-1][-1]


def score(command, model, folder):
    words, counts = seen(command, model, folder), collections.defaultdict(collections.Counter)
    for line in (pathlib.Path(folder) / "truth.tsv").read_text().splitlines():
        name, kind, digits = line.split("\t")
        wanted, found, count = [NAMES[int(d)] for d in digits if d != " "], words[name], counts[kind]
        count["pictures"] += 1
        count["digits"] += len(wanted)
        count["right"] += in_place([word for word, _ in found], wanted)
        count["extra"] += max(0, len(found) - len(wanted))
        count["refused"] += not any(sure for _, sure in found)
        count["unsure"] += sum(not sure for _, sure in found)
    for kind, count in counts.items():
        share = f"{100 * count['right'] / count['digits']:6.2f} % of {count['digits']:5} right" if count["digits"] else (
            f"{100 * count['refused'] / count['pictures']:6.2f} % of pictures refused")
        print(f"{pathlib.Path(folder).name:10} {kind:16} {share}, {count['extra']} too many, {count['unsure']} unsure")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    for folder in sys.argv[3:]:
        score(sys.argv[1], sys.argv[2], folder)


if __name__ == "__main__":
    main()
