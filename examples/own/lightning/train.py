"""A small network on scikit-learn's digits, trained by Lightning: once with cross entropy, once with the
encouraging loss written out. Nothing of steepness is imported."""

import argparse
import os
import re

import lightning
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--loss", default="ce")  # added: ce, or el(le=0.75)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", default=".")
parser.add_argument("--epochs", type=int, default=10)
args = parser.parse_args()

le = re.fullmatch(r"el\(le=([0-9.]+)\)", args.loss)
if args.loss != "ce" and not le:
    raise SystemExit(f"there are ce and el(le=...), not {args.loss}")


def loss_of(logits, target):
    ce = F.cross_entropy(logits, target)
    if not le:
        return ce
    # The bonus log(1 - p), from p = LE on along its tangent (Zhao et al. 2022, eq. 5).
    end = float(le[1])
    p = logits.softmax(1).gather(1, target[:, None]).squeeze(1)
    log = torch.log1p(-p.clamp(max=min(end, 1 - 1e-6)))
    if end < 1:
        log = torch.where(p > end, log - (p - end) / (1 - end), log)
    return ce + log.mean()


class Digits(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
        )

    def training_step(self, batch):
        images, labels = batch
        return loss_of(self.net(images), labels)  # changed: was F.cross_entropy

    def predict_step(self, batch):
        return self.net(batch[0])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


lightning.seed_everything(args.seed)
torch.set_num_threads(1)
images, labels = load_digits(return_X_y=True)
# One test part and one validation part for all seeds.
x, x_test, y, y_test = train_test_split(images / 16, labels, test_size=0.2, random_state=0)
x, x_val, y, y_val = train_test_split(x, y, test_size=0.2, random_state=0)
train, val, test = (
    TensorDataset(torch.tensor(images, dtype=torch.float32), torch.tensor(labels))
    for images, labels in ((x, y), (x_val, y_val), (x_test, y_test))
)
trainer = lightning.Trainer(
    max_epochs=args.epochs,
    accelerator="cpu",
    deterministic=True,
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
model = Digits()
trainer.fit(model, DataLoader(train, batch_size=32, shuffle=True))

for name, part, its_labels in (("", test, y_test), ("val_", val, y_val)):
    logits = torch.cat(trainer.predict(model, DataLoader(part, batch_size=256)))
    np.save(os.path.join(args.out, name + "logits.npy"), logits.numpy())  # added
    np.save(os.path.join(args.out, name + "labels.npy"), its_labels)  # added
