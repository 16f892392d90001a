"""The peer of benches/attacks.py: torchattacks' PGD on the same network. Same requests as
crates/lab/examples/bench_attack.rs."""

import gzip
import sys
import time

import torch
import torch.nn.functional as F
import torchattacks
from torch import nn


class AttackCnn(nn.Module):
    """As in the published code: rectified before it is pooled."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 5), nn.Conv2d(16, 32, 5)
        self.conv3 = nn.Conv2d(32, 64, 5)
        self.fc1, self.fc2 = nn.Linear(576, 100), nn.Linear(100, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.max_pool2d(F.relu(self.conv3(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def read(path, header):
    with gzip.open(path) as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


def main(folder, threads):
    torch.set_num_threads(int(threads))
    images = read(f"{folder}/t10k-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28) / 255
    labels = read(f"{folder}/t10k-labels-idx1-ubyte.gz", 8).long()
    attack = torchattacks.PGD(AttackCnn().eval(), eps=0.3, alpha=2 / 255, steps=40)
    print("ready", flush=True)
    for line in sys.stdin:
        first, count, batch = map(int, line.split())
        start = time.perf_counter()
        for at in range(first, first + count, batch):
            end = min(at + batch, first + count)
            attack(images[at:end], labels[at:end])
        print(time.perf_counter() - start, flush=True)


main(*sys.argv[1:])
