#!/usr/bin/env python3
"""Counts circles between files, and imports from above, of the workspace's crates.

An import counts between the file that it stands in and the file that defines what is imported (re-exports
are followed). Between a file and one of the folder below it nothing counts: a parent lists its children
and lends them what they share. Code for tests is left out. Ends with 1 where it finds anything.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What may import from all that stand after it, and not the other way round.
ORDER = {"lab": ["experiment", "translate", "train", "attack", "models", "data", "tensors"]}


def modules(crate):
    """Module path -> file's text without comments, strings and tests."""
    found = {}
    source = ROOT / "crates" / crate / "src"
    for file in sorted(source.rglob("*.rs")):
        parts = list(file.relative_to(source).with_suffix("").parts)
        if parts[-1] in ("mod", "lib", "main"):
            parts.pop()
        if "tests" in parts:
            continue
        text = re.sub(r"//[^\n]*", "", file.read_text())
        text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
        text = re.split(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))? )?mod \w+ \{", text)[0]
        found[tuple(parts)] = text
    return found


def tree(text, prefix=()):
    """The paths of a use tree: `a::{b, c::d as e}` -> (a, b, b), (a, c, d, e)."""
    text = text.strip()
    match = re.match(r"((?:\w+\s*::\s*)*)\{(.*)\}$", text, re.S)
    if match:
        inner = prefix + tuple(re.findall(r"\w+", match[1]))
        depth, part = 0, ""
        for letter in match[2] + ",":
            if letter == "," and depth == 0:
                if part.strip():
                    yield from tree(part, inner)
                part = ""
            else:
                depth += {"{": 1, "}": -1}.get(letter, 0)
                part += letter
        return
    path, _, name = text.partition(" as ")
    path = prefix + tuple(re.findall(r"[\w*]+", path))
    if path and path[-1] == "self":
        path = path[:-1]
    yield path, (name.strip() or (path[-1] if path else ""))


def absolute(path, here, all_modules):
    """The path from the crate's root, or None for another crate's."""
    if not path:
        return None
    if path[0] == "crate":
        return path[1:]
    if path[0] in ("self", "super"):
        base = list(here)
        for step in path:
            if step == "super":
                base.pop()
            elif step != "self":
                break
        return tuple(base) + tuple(step for step in path if step not in ("self", "super"))
    return here + path if here + path[:1] in all_modules else None


def graph(crate):
    texts = modules(crate)
    exports, uses = {}, []
    for here, text in texts.items():
        for public, body in re.findall(r"(\bpub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);", text):
            for path, name in tree(body):
                target = absolute(path, here, texts)
                if target is None:
                    continue
                uses.append((here, target))
                exports.setdefault(here, {})[name] = target
        rest = re.sub(r"\buse\s+[^;]+;", "", text)
        for path in re.findall(r"\b(?:crate|super)(?:::\w+)+", rest):
            target = absolute(tuple(path.split("::")), here, texts)
            if target is not None:
                uses.append((here, target))

    def owner(target, depth=0):
        """The file that defines what stands at a path."""
        at = ()
        for i, step in enumerate(target):
            if at + (step,) in texts:
                at += (step,)
                continue
            moved = exports.get(at, {}).get(step) or exports.get(at, {}).get("*")
            if moved and depth < 20 and moved + target[i + 1 :] != target:
                if exports.get(at, {}).get(step):
                    return owner(moved + target[i + 1 :], depth + 1)
            return at
        return at

    edges = {}
    for here, target in uses:
        there = owner(target)
        shorter = min(len(here), len(there))
        if here[:shorter] != there[:shorter]:
            edges.setdefault(here, set()).add(there)
    return edges


def circles(edges):
    """Groups of files that reach each other (Tarjan)."""
    index, low, stack, found, counter = {}, {}, [], [], [0]

    def visit(node):
        index[node] = low[node] = counter[0]
        counter[0] += 1
        stack.append(node)
        for after in edges.get(node, ()):
            if after not in index:
                visit(after)
                low[node] = min(low[node], low[after])
            elif after in stack:
                low[node] = min(low[node], index[after])
        if low[node] == index[node]:
            group = []
            while True:
                group.append(stack.pop())
                if group[-1] == node:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for node in list(edges):
        if node not in index:
            visit(node)
    return found


def main():
    wrong = 0
    for crate in ("loss", "measure", "compare", "lab", "cli"):
        edges = graph(crate)
        for group in circles(edges):
            wrong += 1
            print(f"{crate}: a circle of", ", ".join("/".join(file) for file in group))
            members = set(group)
            for here in group:
                for there in sorted(edges[here] & members):
                    print(f"    {'/'.join(here)} -> {'/'.join(there)}")
        levels = {name: level for level, names in enumerate(ORDER.get(crate, [])) for name in names.split()}
        for here, targets in sorted(edges.items()):
            for there in sorted(targets):
                above, below = levels.get(there[0] if there else ""), levels.get(here[0] if here else "")
                if above is not None and below is not None and (above < below or above == below and here[0] != there[0]):
                    wrong += 1
                    print(f"{crate}: {'/'.join(here)} imports {'/'.join(there)} from above")
    print(f"{wrong} found" if wrong else "no circle, and no import from above")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
