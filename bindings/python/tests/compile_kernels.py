"""Compiles the Triton kernels for GPUs that need not be there, and prints what they came to as JSON.

Run by test_triton_compile.py in a process of its own: beside it the kernels are decorated for the
interpreter. Arguments: a target, as `cuda:90` or `hip:gfx942`; then what to compile, each as
`KERNEL,DTYPE,CLASSES,BASE,BONUS[,OPTION…]`.
"""

import json
import re
import sys

import triton
from steepness.torch import _triton
from steepness.torch import _triton_kernels as kernels
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

POINTERS = {
    "targets": "*i64", "losses": "*fp32", "class_weights": "*fp32",
    "sample_weights": "*fp32", "reduction": "*fp32", "offsets": "*fp32", "margins": "*fp32",
}  # fmt: skip
OPTIONS = {"class_weights", "sample_weights", "offsets", "margins", "soft_cap"}


def source(kernel, dtype, classes, base, bonus, options):
    """What the launcher would compile for contiguous (N, C) logits on aligned addresses."""
    function = getattr(kernels, kernel)
    cut = _triton.tile(classes)
    constants = {"BASE": base, "BONUS": bonus or None, "ROWS": cut.rows, "BLOCK": cut.block}
    constants |= {
        "BLOCKS": cut.blocks,
        "EIGHTS": classes % 8 == 0,
        "LABELS": "soft" not in options,
    }
    # Integers that are 1 are constants of a compiled kernel.
    constants |= {"inner": 1, "z_i": 1, "z_c": 1, "g_i": 1, "g_c": 1, "t_i": 1, "t_c": 1}
    signature, constexprs, attributes = {}, {}, {}
    for at, name in enumerate(function.arg_names):
        left_out = name in OPTIONS and name not in options
        left_out |= name == "gradient" and "forward" in options
        if name in constants or left_out:
            signature[name], constexprs[name] = "constexpr", constants.get(name)
            continue
        if name in ("logits", "gradient"):
            kind = "*" + dtype
        elif name == "targets" and "soft" in options:
            kind = "*" + dtype
        elif name in POINTERS:
            kind = POINTERS[name]
        elif name in ("rows", "classes", "ignore_index", "z_n", "g_n", "t_n"):
            kind = "i32"
        else:
            kind = "fp32"
        signature[name] = kind
        unit = 8 if name != "t_n" and classes % 8 == 0 else 1
        aligned = name in ("classes", "z_n", "g_n", "t_n") and classes // unit % 16 == 0
        if kind.startswith("*") or aligned:
            attributes[(at,)] = [["tt.divisibility", 16]]
    return ASTSource(function, signature, constexprs, attributes), cut


def bytes_moved(ptx, what):
    """Bytes a thread moves by `ld.global` or `st.global`, were every branch and loop run once.

    But for those of 64 bits, which are targets.
    """
    found = re.findall(rf"{what}(?:\.L\S+?)?(?:\.v(\d))?\.[bfu](16|32)", ptx)
    return sum(int(count or 1) * int(bits) // 8 for count, bits in found), len(found)


def main(target, *wanted):
    backend, arch = target.split(":")
    gpu = GPUTarget(backend, arch if backend == "hip" else int(arch), 64 if backend == "hip" else 32)
    results = {}
    for what in wanted:
        kernel, dtype, classes, base, bonus, *options = what.split(",")
        built, cut = source(kernel, dtype, int(classes), base, bonus, set(options))
        warps = min(cut.warps, 16) if backend == "hip" else cut.warps
        compiled = triton.compile(built, target=gpu, options={"num_warps": warps})
        short = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}[dtype]
        # AMD's compiler makes buffer operations of loads and stores whose offsets are small.
        tile = rf"tensor<{cut.rows}x{cut.block}x(!tt.ptr<{short}>|{short},)"
        names = {"tt.load": r"(tt\.load|buffer_load)", "tt.store": r"(tt\.store|buffer_store)"}
        found = {"threads": warps * gpu.warp_size, "elements": cut.rows * cut.block, "rows": cut.rows}
        for level in ("ttir", "ttgir"):
            text = compiled.asm[level]
            found[level] = {op: len(re.findall(rf"{name} .*{tile}", text)) for op, name in names.items()}
        if "ptx" in compiled.asm:
            ptx = compiled.asm["ptx"]
            found["read"], found["loads"] = bytes_moved(ptx, r"ld\.global")
            found["written"], found["stores"] = bytes_moved(ptx, r"st\.global")
        found["binary"] = len(compiled.asm.get("cubin") or compiled.asm.get("hsaco") or b"")
        results[what] = found
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
