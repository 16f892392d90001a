"""The peer of benches/training.py: the same networks, steps and epochs in PyTorch, written as people
write them: torchvision's models and transforms, a DataLoader with a worker for each core. A line of
JSON in, a line out: the peak memory of the process in bytes, then seconds.

    {"model": "mnist-net", "shape": [1, 28, 28], "batch": 256, "examples": 512, "steps": 3,
     "lr": 0.1, "nesterov": false, "threads": 2, "size": 224, "precision": "f32",
     "channels_last": false}

`size` asks for RandomResizedCrop to that size and horizontal flips.
"""

import json
import sys
import time

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn
from torchvision import transforms

CLASSES = 10


def mnist_net():
    layers = [nn.BatchNorm2d(1), nn.Conv2d(1, 64, 3), nn.PReLU(), nn.BatchNorm2d(64)]
    for convolutions in (3, 4, 3):
        for _ in range(convolutions):
            layers += [nn.Conv2d(64, 64, 3, padding=1), nn.PReLU(), nn.BatchNorm2d(64)]
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(576, 256), nn.BatchNorm1d(256)]
    return nn.Sequential(*layers, nn.Linear(256, CLASSES, bias=False))


def attack_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(576, 100), nn.ReLU(), nn.Linear(100, CLASSES),
    )  # fmt: skip


def digits_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, CLASSES),
    )  # fmt: skip


MODELS = {
    "mnist-net": mnist_net,
    "attack-cnn": attack_cnn,
    "digits-cnn": digits_cnn,
    "resnet50": lambda: torchvision.models.resnet50(num_classes=CLASSES),
    "efficientnet-b0": lambda: torchvision.models.efficientnet_b0(num_classes=CLASSES),
}


class Images(torch.utils.data.Dataset):
    """Random images in memory, through PIL as torchvision's own data sets."""

    def __init__(self, count, shape, size):
        channels, height, width = shape
        bytes_ = np.random.default_rng(0).integers(256, size=(count, height, width, channels))
        self.bytes = bytes_.astype(np.uint8)
        mean, std = [0.5] * channels, [0.29] * channels
        steps = [transforms.ToTensor(), transforms.Normalize(mean, std)]
        if size:
            steps = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip()] + steps
        self.transform = transforms.Compose(steps)

    def __len__(self):
        return len(self.bytes)

    def __getitem__(self, row):
        pixels = self.bytes[row]
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        return self.transform(image), row % CLASSES


def answer(ask):
    torch.manual_seed(0)
    torch.set_num_threads(ask["threads"])
    model = MODELS[ask["model"]]().train()
    layout = torch.channels_last if ask["channels_last"] else torch.contiguous_format
    model = model.to(memory_format=layout)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.01, momentum=0.9, nesterov=ask["nesterov"], weight_decay=5e-4
    )
    half = torch.autocast("cpu", torch.bfloat16, enabled=ask["precision"] == "bf16")

    def step(images, labels):
        images = images.to(memory_format=layout)
        optimizer.zero_grad()
        with half:
            loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    data = Images(ask["examples"], ask["shape"], ask["size"])
    workers = ask["threads"] if ask["size"] else 0
    loader = torch.utils.data.DataLoader(
        data, batch_size=ask["batch"], shuffle=True, num_workers=workers
    )
    first = next(iter(loader))
    step(*first)
    if ask["steps"]:
        return [seconds(lambda: step(*first)) for _ in range(ask["steps"])]
    return [seconds(lambda: [step(*batch) for batch in loader])]


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


if __name__ == "__main__":
    if sys.argv[1:] == ["version"]:
        print(torch.__version__)
        sys.exit()
    print("ready", flush=True)
    for line in sys.stdin:
        times = answer(json.loads(line))
        print(peak(), *times, flush=True)
