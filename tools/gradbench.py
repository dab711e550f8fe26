#!/usr/bin/env python3
"""Times tools of GradBench side by side on the inputs of its own evals, and prints the table of docs/gradbench.md.

    tools/gradbench.py CLONE [--problems llsq gmm] [--beside pytorch jax] [--rounds 5] [--seconds 0.1]

CLONE is a clone of github.com/gradbench/gradbench in which the reference is built (`make -C cpp`, `make -C
tools/manual`, and in tools/finite the programs `saddle` and `particle`). An eval is run as it is; this script
answers it, and hands every input to all tools, one after the other and again for each round. The least time of all
rounds counts, which other work on the machine disturbs least. Answers are held against the reference's; what follows
the table says how near they are. The packages that evals need must be importable: numpy, scipy, pydantic,
dataclasses-json, and torch and jax for those.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROBLEMS = "llsq lse ode det kmeans gmm lstm saddle particle ba ht".split()
OURS = Path(__file__).parent.parent / "target/release/gradbench"


class Talking:
    """A tool that speaks the protocol over its standard input and output."""

    def __init__(self, command, **options):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, **options)

    def ask(self, message):
        try:
            print(json.dumps(message), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"success": False, "error": "it has ended"}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Program:
    """A C++ tool: a program for each problem, which reads its input from a file."""

    def __init__(self, clone, tool):
        self.bin = clone / "tools" / tool / "bin"

    def ask(self, message):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(message["input"], file)
            file.flush()
            command = [self.bin / message["module"], file.name, message["function"]]
            done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return {"success": False, "error": done.stderr.strip()}
        output, *timings = map(json.loads, done.stdout.splitlines())
        return {"success": True, "output": output, "timings": timings}

    def close(self):
        pass


# JAX answers before it has computed. What is timed is the result.
WAIT = """
import runpy, sys
import jax, gradbench.wrap
plain = gradbench.wrap.multiple_runs
def waiting(**options):
    timed = plain(**options)
    return lambda function: timed(lambda x: jax.block_until_ready(function(x)))
gradbench.wrap.multiple_runs = waiting
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def python_tool(clone, name):
    """PyTorch or JAX, as the wrapper of the clone runs them."""
    package = clone / "python/gradbench/gradbench"
    path = os.pathsep.join([str(clone / "python/gradbench"), str(package / "tools" / name)])
    environment = dict(os.environ, PYTHONPATH=path, JAX_ENABLE_X64="1", OMP_NUM_THREADS="1")
    wait = ["-c", WAIT] if name == "jax" else []
    command = [sys.executable, *wait, package / "tools" / name / "run.py"]
    return Talking(command, env=environment, stderr=subprocess.DEVNULL)


def numbers(output):
    """All numbers of an output in order."""
    if isinstance(output, dict):
        output = [output[key] for key in sorted(output)]
    if isinstance(output, list):
        return [number for part in output for number in numbers(part)]
    return [float("nan") if output is None else float(output)]


def distance(one, other):
    """The largest difference, relative to the larger of the other number and 1."""
    one, other = numbers(one), numbers(other)
    if len(one) != len(other):
        return float("inf")
    return max((abs(a - b) / max(abs(b), 1) for a, b in zip(one, other)), default=0.0)


def milliseconds(answer):
    """Of the fastest run."""
    runs = [t["nanoseconds"] / 1e6 for t in answer["timings"] if t["name"] == "evaluate"]
    return min(runs)


def shown(time):
    if time is None:
        return "–"
    for unit, factor in [("s", 1e-3), ("ms", 1)]:
        if time * factor >= 0.9995:
            return f"{time * factor:.3g} {unit}"
    return f"{time * 1e3:.3g} µs"


class Table:
    """The rows of a problem: its tools, how far each was from the reference, and which gave up."""

    def __init__(self, tools, reference, options):
        self.tools, self.reference, self.options = tools, reference, options
        self.worst = {}
        self.failed = set()

    def row(self, message):
        """A line of the table, and what the eval is told."""
        question = dict(message, input=message["input"] | {"min_runs": 1, "min_seconds": self.options.seconds})
        times, answers = {}, {}
        for name in self.options.beside:
            if name in self.tools and name not in self.failed:
                self.tools[name].ask(question)  # Which may compile.
        for _ in range(self.options.rounds):
            for name, tool in self.tools.items():
                if name in self.failed or sum(times.get(name, [])) > self.options.longest * 1e3:
                    continue
                answer = tool.ask(question)
                if not answer.get("success"):
                    self.failed.add(name)
                    print(f"{name}: {message['module']}: {answer.get('error', answer)}"[:300], file=sys.stderr)
                    continue
                answers[name] = answer
                times.setdefault(name, []).append(milliseconds(answer))
        found = {name: min(several) for name, several in times.items()}
        ours, reference = found.get("retrograd"), found.get(self.reference)
        for name in answers:
            if self.reference in answers:
                apart = distance(answers[name]["output"], answers[self.reference]["output"])
                self.worst[name] = max(apart, self.worst.get(name, 0.0))
        ratio = f"{ours / reference:.2f}" if ours and reference else "–"
        others = [shown(found.get(name)) for name in self.options.beside]
        size = message.get("description", "")
        names = [f"`{message[part]}`" for part in ("module", "function")]
        cells = [names[0], size, names[1], shown(ours), shown(reference), ratio, *others]
        print("| " + " | ".join(cells) + " |", flush=True)
        return answers.get("retrograd", {"success": False, "error": "no answer"})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clone", type=Path)
    parser.add_argument("--problems", nargs="+", default=PROBLEMS, choices=PROBLEMS, metavar="PROBLEM")
    parser.add_argument("--beside", nargs="*", default=[], choices=["pytorch", "jax"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.1, help="of each tool, size and round")
    parser.add_argument("--longest", type=float, default=20, help="seconds of runs after which a tool is not run again")
    parser.add_argument("--sizes", default="", help="options of the evals, such as '-d 2 10 -k 5'")
    options = parser.parse_args()
    clone = options.clone.resolve()
    evals = clone / "python/gradbench/gradbench/evals"
    if not evals.is_dir():
        parser.error(f"{clone} is no clone of GradBench: there is no {evals.relative_to(clone)}")
    if not OURS.is_file():
        parser.error(f"{OURS} is not built: cargo build --release -p retrograd-benches --bin gradbench")
    environment = dict(os.environ, PYTHONPATH=str(clone / "python/gradbench"))

    heads = ["problem", "size", "function", "ours", "reference", "ours / reference", *options.beside]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    distances = {}
    for problem in options.problems:
        reference = "finite" if problem in ("saddle", "particle") else "manual"
        program = clone / "tools" / reference / "bin" / problem
        if not program.is_file():
            parser.error(f"{program} is not built: make -C {program.parent.parent} bin/{problem}")
        tools = {"retrograd": Talking([OURS]), reference: Program(clone, reference)}
        for name in options.beside:
            if (clone / f"python/gradbench/gradbench/tools/{name}/{problem}.py").exists():
                tools[name] = python_tool(clone, name)
        table = Table(tools, reference, options)
        command = [sys.executable, evals / problem / "run.py", *options.sizes.split()]
        pipe = subprocess.PIPE
        eval_ = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=clone, env=environment)
        for line in eval_.stdout:
            message = json.loads(line)
            if message["kind"] == "evaluate":
                answer = table.row(message)
            elif message["kind"] == "define":
                answer = {"success": True}
            else:
                answer = {}
            print(json.dumps(answer | {"id": message["id"]}), file=eval_.stdin, flush=True)
            if message["kind"] == "analysis" and not message["valid"]:
                print(f"{problem}: not valid: {message.get('error', '')}"[:300], file=sys.stderr)
        eval_.wait()
        for tool in tools.values():
            tool.close()
        distances |= {(name, problem): apart for name, apart in table.worst.items()}
    print("\nfurthest from the reference, relative to the larger of its number and 1:\n")
    for (name, problem), apart in sorted(distances.items()):
        if apart:
            print(f"- {name}, {problem}: {apart:.1e}")


if __name__ == "__main__":
    main()
