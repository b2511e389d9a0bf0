"""Scores suppressctl classify on the labelled corpus of real bounces, prints the table, and fails below the floors.

  corpus_test.py SUPPRESSCTL CORPUS

Where the corpus is not there it says so and passes: a plain clone is complete without it.
"""

import os
import re
import subprocess
import sys
import tempfile

# Just under what is reached. A change that lowers a figure needs a reason, one that raises it raises the floor.
FLOORS = {
    "precision": 0.992,
    "recall": 0.988,
    "class_accuracy": 0.982,
    "recipient_recall": 0.987,
    "recipient_precision": 0.99,
}


def classify(suppressctl, *paths):
    """The rows of classify -o tsv, without the header."""
    done = subprocess.run([suppressctl, "classify", "-o", "tsv", *paths], capture_output=True, text=True,
                          encoding="utf-8", check=False)
    if done.returncode not in (0, 2):
        sys.exit(f"classify ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout.splitlines()


def score(corpus, rows):
    """Prints the scorer's table and returns its figures."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as predictions:
        predictions.write("\n".join(rows) + "\n")
        predictions.flush()
        done = subprocess.run([sys.executable, os.path.join(corpus, "score.py"), os.path.join(corpus, "labels.tsv"),
                               predictions.name], capture_output=True, text=True, check=True)
    print(done.stdout)
    return {name: float(value) for name, value in re.findall(r"(\w+)=([0-9.]+)", done.stdout)}


def newline_differences(suppressctl, corpus):
    """Twins with other line ends that are taken for something else."""
    with open(os.path.join(corpus, "newline-variants.tsv"), encoding="utf-8") as file:
        twins = [line.rstrip("\n").split("\t")[:2] for line in file][1:]
    for twin, original in twins:
        rows = [[row.split("\t")[1:] for row in classify(suppressctl, os.path.join(corpus, path))]
                for path in (twin, original)]
        if rows[0] != rows[1]:
            yield f"{twin}: {rows[0]}, but {original}: {rows[1]}"


def main():
    suppressctl, corpus = sys.argv[1:3]
    if not os.path.isfile(os.path.join(corpus, "labels.tsv")):
        print("the corpus is not beside this checkout: nothing to score")
        return
    figures = score(corpus, classify(suppressctl, os.path.join(corpus, "mails")))
    problems = [f"{name} {figures[name]} is below {floor}" for name, floor in FLOORS.items() if figures[name] < floor]
    if figures["not_a_bounce_suppressed"] != 0:
        problems.append("something that is no bounce suppresses")
    problems += newline_differences(suppressctl, corpus)
    print("\n".join(problems) or "every floor is kept, and line ends make no difference")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
