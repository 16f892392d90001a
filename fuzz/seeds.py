#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: small files of every kind that a parser takes.

    python3 fuzz/seeds.py

What the fuzzer found stays beside them under names of their own (found-…), which this leaves alone.
"""

import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

HERE = Path(__file__).parent
MARK = b"\n%%%\n"


def write(target, seeds):
    folder = HERE / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("seed-*"):
        old.unlink()
    for at, seed in enumerate(seeds):
        seed = seed.encode() if isinstance(seed, str) else seed
        (folder / f"seed-{at:02}").write_bytes(seed)


def packed(data):
    return gzip.compress(data, mtime=0)


LOSSES = """ce
el(le=0.75)
el(le=0.5) + smooth(0.1)
el(le=1, clamp=0) + adjust(tau=1)
ce + ldam(max=0.5, scale=30) + drw(beta=0.9999, from=0.9)
el(le=0.5) from epoch 26
el(le=auto) + match
focal(gamma=2)
antifocal(gamma=1.5)
halted(gamma=3, at=0.6)
mse(sigmoid) + mirror
mae + mirror(gamma=2, rho=1)
bce
multimargin(margin=0.5)
gce(q=0.7)
prob
poly(eps=2)
cosine
power(gamma=2)
aggressive(start=0.4)
el(le=0.9, rho=0.5, abrupt=0.3, sub=0.1, start=0.2)
ce + margin(m=0.35, scale=30)
ce + softcap(30) + temp(2)
el + weights(beta=0.9999, bonus=max)
ce + shots(off=medium-and-many)
ce + shots(off=0.2) + zloss(1e-4)
el(le=0.5) + schedule(rho, exp, rate=5, epochs=90)
el + schedule(le, cosine)
ce + jsd(alpha=12)
ce + bonus(le=0.5, clamp=1e-5)
ce + smooth(0.1, bonus=0.2)
el(halt=score) + match"""

ATTACKS = """fgsm
fgsm(loss=margin, temperature=10)
pgd(norm=l2, steps=100, loss=margin)
pgd(steps=7, step=0.1, start=none, floor=5e-8)
pgd(norm=linf, targets=9, loss=dlr)
mi-fgsm(steps=10, step=0.01, decay=1)
apgd(loss=dlr, restarts=2)
cw(c=0.1, searches=3, kappa=0, steps=50, lr=0.01)
deepfool(norm=l2, overshoot=0.02)
square(queries=500, share=0.8)
le=0,0.5,1
lr=0.01,0.02"""


def npy(descr, shape, data, order=False, version=1):
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


NPY = [
    npy("<f4", "(2, 2)", struct.pack("<4f", 1, -2, 0.5, float("nan"))),
    npy(">f8", "(2, 1)", struct.pack(">2d", 1e300, -0.0), order=True),
    npy("<f2", "(1, 3)", struct.pack("<3H", 0, 49152, 31743)),
    npy("<i8", "(3,)", struct.pack("<3q", 0, 1, -1)),
    npy("|u1", "(4,)", b"\0\1\2\3", version=2),
    npy("<u8", "(1,)", b"\xff" * 8, version=3),
    npy("|i1", "()", b"\1"),
    npy("<f4", "(0, 3)", b""),
    npy("<U3", "(2,)", "cat".encode("utf-32-le") + "é\0\0".encode("utf-32-le")),
    npy("|S3", "(2, 1)", b"catox\0"),
    npy("|b1", "(2, 2)", b"\0\1\1\0"),
    npy("|O", "(1,)", b"\x80\x04."),
]


def idx(shape, data):
    return b"\0\0\x08" + bytes([len(shape)]) + b"".join(struct.pack(">I", n) for n in shape) + data


IDX = [
    b"a" + idx([2, 2, 2], b"abcdefgh"),
    b"b" + idx([2], b"\0\1"),
    MARK.join([b"a" + idx([3, 1, 1], b"abc"), b"b" + idx([3], b"\0\1\2"), b"E", b"c" + idx([1, 1, 1], b"z"),
               b"d" + idx([1], b"\1")]),
    b"a" + packed(idx([2, 2, 2], b"abcdefgh")),
    b"a" + idx([0xFFFFFFFF, 0xFFFFFFFF, 2], b""),
    b"e" + b"one\ntwo\n",
]

TEN = bytes(range(10))
HUNDRED = b"".join(bytes([n % 20, n]) for n in range(64))
CIFAR = [
    b"\0" + TEN + MARK + b"\3",
    b"\0" + TEN + MARK + b"\3" + MARK + b"\n".join(b"class%d" % n for n in range(10)),
    b"\1" + HUNDRED + MARK + HUNDRED[:8],
    b"\2" + HUNDRED + MARK + HUNDRED[:8],
    b"\4" + b"\1" + b"p" * 3072 + MARK + b"\1" + b"p" * 3072,
    b"\7" + b"\1\2" + b"p" * 3072 + MARK + b"\1\2" + b"p" * 3071,
]


def tensors(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


SAFETENSORS = [
    tensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, struct.pack("<2f", 1, 2)),
    tensors(
        {
            "w": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
            "bn.num_batches_tracked": {"dtype": "I64", "shape": [], "data_offsets": [8, 16]},
            "__metadata__": {"format": "pt"},
        },
        b"\0" * 16,
    ),
    tensors({"e": {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]}}, b""),
    tensors({"h": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}, b"\0\0"),
    tensors({}, b""),
]

RECIPES = [
    "0",
    "0!seeds = [1, 2]\n\"epochs = 3",
    "1$batch = 9\n0losses = [\"el(le=auto)\"]",
    "2\n3\n4",
    "7select = \"last\"¦patience = 3¦[warmup]¦steps = 5",
    "5[sweep]¦lr = [0.1, 0.2]",
    "3[update]¦ema = 0.9¦clip_norm = 1.0¦accumulate = 2",
    "4[augment]¦rand_augment = \"rand-m9-mstd0.5\"¦mix = { mixup = 0.2 }",
    "zname = \"x\"\nlosses = [\"ce\"]\nseeds = [0]\nepochs = 1\nbatch = 2\nthreads = 1\nselect = \"last\"\n"
    "schedule = \"constant\"\n[data.digits]\nvalidation = 0.2\ntest = 0.2\n[model.cnn]\nchannels = [2]\n"
    "[optimizer.adamw]\nlr = 0.1\n[[ood]]\nname = \"far\"\ndata.idx = { path = \"far\" }\n",
]

TABLES = [
    "\0x,y\n1,a\n2,b\n3,a\n4,b\n",
    "\0name,age,colour,y\nx1,1.5,red,0\nx2,2,blue,1\nx3,-3,red,0\nx4,4e0,blue,1\n",
    "\1y x\n0 1\n1 2\n0 3\n1 4\n",
    "\2id;y;v\n1;0;1,5\n2;1;2,5\n3;0;3,5\n4;1;4,5\n",
    "\2id;y;v\n1;0;1.234,5\n2;1;2.234,5\n3;0;3.234,5\n4;1;4.234,5\n",
    "\0a\ty\n\"x\"\"1\"\t0\n\"x\n2\"\t1\nx\t0\nx\t1\n",
    "\3a,b,y\n1,?,0\n2,3,1\n,4,0\n2,NA,1\n",
    "\0d,y\n2020-01-01,0\n2020-01-02,1\n2020-01-03,0\n2020-01-04,1.0\n",
    "\4" + "1,0,2\n" * 3 + "2,1,3\n" * 3,
    "iUnnamed: 0,x,y\n0,1,a\n1,3,b\n2,2,a\n3,5,b\n",
    b"\0\xef\xbb\xbfx,y\r\n1,a\r\n2,b\r\n3,a\r\n4,b\r\n",
    b"\0" + packed(b"x,y\n1,a\n2,b\n3,a\n4,b\n"),
    "\0" + "x,y\n1,0\n2,0.0\n3,1\n4,1.0\n",
    'j{"x": 1.5, "y": "a"}\n{"y": "b"}\n{"x": -2e1, "y": "a"}\n{"y": "b", "x": null, "z": true}\n',
]

TU = [
    "a1,2\n2,1\n",
    "bF" + MARK.decode() + "b1\n1\n2\n2\n3\n3\n4\n4\n",
    "d1,2\n" * 1 + "1,2\n" * 7,
    "D" + MARK.decode() + "E" + MARK.decode() + "F",
    "c1\n2\n1\n2\n",
    b"a" + packed(b"1,2\n2,1\n"),
    "e0.5\n1\n1\n1\n1\n1\n1\n1\n",
]


def png(width, height, colour, rows, depth=8, more=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


# JPEGs beside them (jpeg-…) are 9×7 pixels by libjpeg: grey, baseline, progressive, CMYK, with EXIF.
IMAGES = [
    b"\0" + png(2, 2, 2, b"\0abcdef\0ghijkl"),
    b"\1" + png(2, 2, 0, b"\0ab\0cd"),
    b"\3" + png(1, 2, 6, b"\1abcd\2efgh"),
    b"\0" + png(2, 1, 4, b"\4abcd"),
    b"\0" + png(8, 1, 0, b"\0a", depth=1),
    b"\0" + png(1, 1, 2, b"\0abcdef", depth=16),
    b"\0GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
    b"\0BM" + struct.pack("<IHHIIiiHHIIiiII", 58, 0, 0, 54, 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0) + b"abc\0",
]


def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, kind, data in entries:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(data), "../x" if kind in b"12" else ""
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue().rstrip(b"\0") + b"\0" * 1024


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


ROWS = npy("<f4", "(4, 1)", struct.pack("<4f", 1, 2, 3, 4))
ARRAYS = [
    b"a" + npy("<f8", "(6, 1)", struct.pack("<6d", 1, 2, 3, 4, 5, 6), order=True),
    b"b" + npy("|S2", "(6, 1)", b"a\0bba\0bba\0bb"),
    MARK.join([b"b" + npy("<i8", "(6,)", struct.pack("<6q", -1, 7, 7, -1, 7, -1)), b"C", b"D"]),
    b"c" + npy("<U5", "(6,)", "".join(word.ljust(5, "\0") for word in
                                      ["train", "dev", "test", "train", "train", "train"]).encode("utf-32-le")),
    b"a" + npy("|O", "(6, 2)", b"\x80\x04."),
    b"z" + zipped([("x.npy", ROWS), ("y.npy", npy("|u1", "(4,)", b"\0\1\0\1"))], zipfile.ZIP_STORED),
    b"z" + zipped([("train_x.npy", ROWS), ("y_train.npy", npy("|u1", "(4,)", b"\0\1\0\1"))]),
]

GOOD = [("top/", tarfile.DIRTYPE, b""), ("top/a", tarfile.REGTYPE, b"123"), ("top/d/b", tarfile.REGTYPE, b"")]
ARCHIVES = [
    b"t" + tar(GOOD),
    b"g" + packed(tar(GOOD)),
    b"t" + tar([*GOOD, ("top/link", tarfile.SYMTYPE, b"")]),
    b"t" + tar([("top/" + "long/" * 30 + "name", tarfile.REGTYPE, b"x")]),
    b"l0top/a 1\n0top/b 22\n5top/c/\n",
    b"l0top/../../x 1\n2top/l x\n0/x y\n",
    b"z" + zipped([("top/a", b"123"), ("top/d/b", b"aaaaaaaaaaaaaaaa")]),
    b"z" + zipped([("top/a", b"123")], zipfile.ZIP_STORED),
    b"z" + zipped([("top/../x", b"1"), ("other/a", b"")]),
]

PAIRS = [
    "0a" + "ein Hund\neine Katze\n" + MARK.decode() + "ba dog\na cat\n",
    "0cein <Haus> & Hof\n" + MARK.decode() + "da \"house\", isn't it?\n",
    "1a<title>T</title>\none's &amp; two\n" + MARK.decode() + "b<title>T</title>\none 'two'\n",
    "1c<doc>\n<seg id=\"1\"> eins </seg>\n<seg id=\"2\">zwei</seg>\n</doc>\n",
    "2" + "".join(f"a dog {n}\tein Hund {n}\tCC-BY\n" for n in range(24)),
    b"2" + packed(b"a dog\tein Hund\na cat\teine Katze\n"),
]

PART = {
    "images": [{"id": 1, "file_name": "i/1.jpg"}, {"id": 2, "file_name": "i/2.jpg"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 0}, {"id": 2, "image_id": 2, "category_id": 1}],
    "categories": [{"id": 0, "name": "a"}, {"id": 1}],
}
INATURALIST = [
    "a" + json.dumps(PART),
    "a" + json.dumps({**PART, "categories": [{"id": 18446744073709551615}]}),
    "B" + MARK.decode() + "a" + json.dumps({**PART, "images": []}),
    "a" + json.dumps({**PART, "images": [{"id": 1, "file_name": "../../etc/passwd"}]}),
]

STATE = '"state": {"bytes": 1, "sha256": "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"}'
def backbone(**changed):
    said = dict(
        input_size=[3, 32, 32], interpolation="bicubic", crop_pct=0.95, crop_mode="center",
        mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5], classifier="fc",
    )
    said |= {key: value for key, value in changed.items() if key in said}
    outer = {key: value for key, value in changed.items() if key not in said}
    return "a" + json.dumps(dict(architecture="resnet18", num_features=512, pretrained_cfg=said) | outer)


TENSOR = json.dumps({"conv1.weight": dict(dtype="F32", shape=[1], data_offsets=[0, 4])}).encode()
TENSORS = b"b" + struct.pack("<Q", len(TENSOR)) + TENSOR + bytes(4)
BACKBONES = [
    backbone(),
    backbone(architecture="vit_small_patch16_224", classifier="head", num_features=384),
    backbone(architecture="efficientnet_b0", classifier="classifier", num_features=1280),
    backbone(input_size=[3, 512, 512], crop_pct=None, std=[1e-9, 1, 1]),
    "a{}",
    "A",
    TENSORS,
    MARK.join([backbone(classifier="layer4").encode(), TENSORS]),
]

CHECKPOINTS = [
    "a{" + STATE + "}",
    "a{}",
    "a{" + STATE.replace("state", "../step-000000001/state") + "}",
    "A",
    "bb",
    "B",
    MARK.decode().join(["a{" + STATE.replace("1,", "2,") + "}", "bbb", "d?"]),
]


def vocabulary(model):
    mark = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    space = dict(type="Metaspace", replacement="▁", prepend_scheme="always", split=True)
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [{"id": at, "content": text, **mark} for at, text in enumerate(MARKS)],
            "normalizer": None,
            "pre_tokenizer": space,
            "post_processor": None,
            "decoder": space,
            "model": model,
        },
        ensure_ascii=False,
    )


MARKS = ["<s>", "<pad>", "</s>", "<unk>"]
PIECES = [*MARKS, "a", "d", "e", "r", "▁", "er", "▁d", "▁der"]
BPE = {
    "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
    "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
    "vocab": {piece: at for at, piece in enumerate(PIECES)},
    "merges": [["e", "r"], ["▁", "d"], ["▁d", "er"]],
}
UNIGRAM = {
    "type": "Unigram", "unk_id": 3, "byte_fallback": False,
    "vocab": [[piece, 0.0 if at < 4 else -float(at)] for at, piece in enumerate(PIECES)],
}
VOCABULARIES = [
    vocabulary(BPE),
    vocabulary(UNIGRAM),
    vocabulary({**BPE, "vocab": {**BPE["vocab"], "huge": 4294967295}}),
    vocabulary({**UNIGRAM, "unk_id": 99}),
    vocabulary({"type": "WordLevel", "vocab": BPE["vocab"], "unk_token": "<unk>"}),
    vocabulary({"type": "WordPiece", "vocab": BPE["vocab"], "unk_token": "<unk>",
                "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}),
]

# The letters are those of the files of a run, in the order of their names; see the target.
RUNS = [
    "",
    *(f"{letter}\0\0\0" for letter in "abcdefghijklm"),
    *(letter for letter in "ABCDEFGHIJKLM"),
    *(f"{letter}{edit}" for letter in "cdefghijk" for edit in ("2 → 0", "1 → 18446744073709551615", "0. → 95")),
    *(f"{letter}threads = 1 → threads = 4611686018427387904" for letter in "ijk"),
    *(f"{letter}hidden = [4] → hidden = [4611686018427387904]" for letter in "ijk"),
    *(f"{letter}epochs = 2 → epochs = 18446744073709551615" for letter in "ijk"),
]

for target, seeds in {
    "loss_spec": LOSSES.split("\n"),
    "attack_spec": ATTACKS.split("\n"),
    "npy": NPY,
    "idx": IDX,
    "cifar": CIFAR,
    "safetensors": SAFETENSORS,
    "recipe": RECIPES,
    "table": TABLES,
    "arrays": ARRAYS,
    "tu": TU,
    "image": IMAGES,
    "archive": ARCHIVES,
    "vocabulary": VOCABULARIES,
    "text": PAIRS,
    "inaturalist": INATURALIST,
    "backbone": BACKBONES,
    "checkpoint": CHECKPOINTS,
    "run_folder": RUNS,
}.items():
    write(target, seeds)
