"""A tiny convolutional network of timm, with mixup: the loss takes soft targets and labels alike."""

import timm
import timm.optim
import timm.utils
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from steepness import Run
from steepness.torch import Loss
from timm.data import Mixup

run = Run.current(folder="runs/timm", loss="el(le=0.75)")
timm.utils.random_seed(run.seed)
torch.set_num_threads(1)
EPOCHS = int(run.options.get("epochs", 4))

images, labels = load_digits(return_X_y=True)
images = torch.tensor(images / 8 - 1, dtype=torch.float32).reshape(-1, 1, 8, 8)
images = torch.nn.functional.interpolate(images, scale_factor=4)
train, test = train_test_split(range(len(labels)), test_size=500, random_state=0, stratify=labels)
labels = torch.tensor(labels)

model = timm.create_model("test_resnet", pretrained=False, num_classes=10, in_chans=1)
optimizer = timm.optim.create_optimizer_v2(model, "adamw", lr=2e-3)
mixup = Mixup(mixup_alpha=0.2, num_classes=10, label_smoothing=0.1)
criterion = Loss(run.loss)  # in the place of SoftTargetCrossEntropy and LabelSmoothingCrossEntropy
for epoch in range(1, EPOCHS + 1):
    model.train()
    criterion.set_epoch(epoch, EPOCHS)
    for rows in torch.tensor(train)[torch.randperm(len(train))].split(64):
        rows = rows[: len(rows) // 2 * 2]  # mixup takes pairs
        x, targets = mixup(images[rows], labels[rows])
        loss = criterion(model(x), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    run.epoch(train_loss=loss.item())

model.eval()
with torch.inference_mode():
    logits = model(images[test])
run.test(logits, labels[test])
print(f"{run.loss}: {(logits.argmax(1) == labels[test]).float().mean():.1%} of the test digits are right")
