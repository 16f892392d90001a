#!/usr/bin/env python3
"""Makes sure that libtorch 2.11.0 (CPU) is there, in a folder that tch can build against.

    python3 scripts/libtorch.py [FOLDER]        (default: .libtorch beside Cargo.toml)

Does nothing where LIBTORCH or LIBTORCH_USE_PYTORCH is set, or where FOLDER is complete already.
Otherwise it takes the libraries and headers out of the `torch` wheel and the two small CUDA
libraries that libtorch_cpu.so is linked with (no GPU is needed) out of theirs. Needs python3 with
pip, nothing else. A download that broke off goes on where it stopped; nothing is used before its
SHA-256 is the one pinned here.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

VERSION = "2.11.0"

# requirement, platform tags pip is to accept, SHA-256, {member or folder/ in the wheel: place in FOLDER}
WHEELS = [
    (
        f"torch=={VERSION}",
        ["manylinux_2_28_x86_64"],
        "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
        {
            "torch/include/": "include/",
            "torch/lib/libtorch_cpu.so": "lib/libtorch_cpu.so",
            "torch/lib/libc10.so": "lib/libc10.so",
            "torch/lib/libgomp.so.1": "lib/libgomp.so.1",
        },
    ),
    (
        "nvidia-cuda-runtime==13.0.96",
        ["manylinux_2_17_x86_64", "manylinux2014_x86_64"],
        "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        {"nvidia/cu13/lib/libcudart.so.13": "lib/libcudart.so.13"},
    ),
    (
        "nvidia-cuda-cupti==13.0.85",
        ["manylinux_2_25_x86_64"],
        "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        {"nvidia/cu13/lib/libcupti.so.13": "lib/libcupti.so.13"},
    ),
]

WAYS = f"""There are three ways to give Steepness its libtorch {VERSION}:
  1. let this script fetch it: python3 with pip, a network, Linux on x86-64 (what just failed);
  2. set LIBTORCH to the folder of an unpacked libtorch {VERSION} (it holds include/ and lib/);
  3. pip install torch=={VERSION} and set LIBTORCH_USE_PYTORCH=1 (also the way to a GPU)."""

ATTEMPTS = 4


def say(line):
    print(f"libtorch: {line}", flush=True)


class Failure(Exception):
    pass


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def pip(*arguments):
    """Runs pip for the pinned wheels, whatever Python this is, and returns what it printed."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Failure(f"pip: {last}")
    return done.stdout


def pinned(requirement, platforms):
    tags = [word for tag in platforms for word in ("--platform", tag)]
    return [
        "--no-deps", "--only-binary=:all:", "--implementation", "cp",
        "--python-version", "3.11", *tags, requirement,
    ]  # fmt: skip


def address(requirement, platforms, folder):
    """Where pip's own index has the wheel: its mirrors and settings are honoured, none is named."""
    report = pip("install", "--dry-run", "--ignore-installed", "--quiet", "--target", str(folder),
                 "--report", "-", *pinned(requirement, platforms))  # fmt: skip
    return json.loads(report)["install"][0]["download_info"]["url"]


def fetch(url, part):
    """Appends to `part` what it lacks; a server that ignores the range starts it afresh."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is missing
            return
        raise
    with response:
        resumed = have > 0 and response.status == 206
        with open(part, "ab" if resumed else "wb") as file:
            shutil.copyfileobj(response, file, 1 << 20)


def wheel(requirement, platforms, digest, downloads):
    """The verified wheel: by our own resumable download, or by pip's where that fails."""
    final = downloads / f"{requirement.replace('==', '-')}.whl"
    if final.exists() and sha256(final) == digest:
        return final
    part = final.with_suffix(".part")
    for attempt in range(ATTEMPTS):
        try:
            say(f"{'going on with' if part.exists() else 'downloading'} {requirement}")
            fetch(address(requirement, platforms, downloads / "none"), part)
        except (OSError, Failure, KeyError, ValueError) as error:
            say(f"{requirement}: {error}; try {attempt + 1} of {ATTEMPTS}")
            time.sleep(1 + attempt)
            continue
        found = sha256(part)
        if found == digest:
            part.rename(final)
            return final
        say(f"{requirement}: SHA-256 is {found}, not {digest}: thrown away")
        part.unlink()
    say(f"downloading {requirement} through pip instead")
    into = downloads / "pip"
    pip("download", "--quiet", "--dest", str(into), *pinned(requirement, platforms))
    saved = next(into.glob("*.whl"))
    if sha256(saved) != digest:
        saved.unlink()
        raise Failure(f"{requirement}: pip's file does not have the SHA-256 {digest}")
    saved.rename(final)
    return final


def unpack(path, places, folder):
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            for source, target in places.items():
                if member.is_dir() or not member.filename.startswith(source):
                    continue
                place = (folder / (target + member.filename[len(source):])).resolve()
                if folder.resolve() not in place.parents:
                    raise Failure(f"{path.name}: {member.filename} points outside")
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as inside, open(place, "wb") as outside:
                    shutil.copyfileobj(inside, outside, 1 << 20)


def make(folder):
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        raise Failure(f"no pinned wheel for {sys.platform} on {platform.machine()}")
    downloads = folder.with_name(folder.name + ".download")
    downloads.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for requirement, platforms, digest, places in WHEELS:
        path = wheel(requirement, platforms, digest, downloads)
        say(f"unpacking {requirement}")
        unpack(path, places, fresh)
    # The linker asks for libtorch.so; the wheel's own would in turn ask for libtorch_cuda.so.
    (fresh / "lib" / "libtorch.so").symlink_to("libtorch_cpu.so")
    (fresh / "build-version").write_text(VERSION + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)  # from here on FOLDER is complete
    shutil.rmtree(downloads)
    say(f"ready in {folder}")


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / ".libtorch")
    folder = folder.absolute()
    if "LIBTORCH_USE_PYTORCH" in os.environ:
        return say("LIBTORCH_USE_PYTORCH is set: using the torch of python3")
    if "LIBTORCH" in os.environ:
        return say(f"LIBTORCH is set: using {os.environ['LIBTORCH']}")
    marker = folder / "build-version"
    if marker.exists() and marker.read_text().strip() == VERSION:
        return None
    try:
        make(folder)
    except (OSError, Failure, zipfile.BadZipFile) as error:
        say(f"failed: {error}")
        sys.exit(WAYS)


if __name__ == "__main__":
    main()
