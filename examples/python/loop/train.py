"""Handwritten digits, a small network and a plain PyTorch loop."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from steepness import Run
from steepness.torch import Loss
from torch import nn

run = Run.current(folder="runs/loop", loss="el(le=0.75)")
torch.manual_seed(run.seed)
torch.set_num_threads(1)
EPOCHS = int(run.options.get("epochs", 15))

images, labels = load_digits(return_X_y=True)
parts = train_test_split(images / 16, labels, test_size=500, random_state=0, stratify=labels)
x, test_x = (torch.tensor(part, dtype=torch.float32) for part in parts[:2])
y, test_y = (torch.tensor(part) for part in parts[2:])

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = Loss(run.loss)  # was nn.CrossEntropyLoss()
for epoch in range(1, EPOCHS + 1):
    criterion.set_epoch(epoch, EPOCHS)  # for losses that change while the training goes on
    total = 0.0
    for rows in torch.randperm(len(x)).split(64):
        loss = criterion(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    run.epoch(train_loss=total / len(x))

with torch.inference_mode():
    logits = model(test_x)
run.test(logits, test_y)
print(f"{run.loss}: {(logits.argmax(1) == test_y).float().mean():.1%} of the test digits are right")
