"""A small network on scikit-learn's digits, in plain PyTorch: once with cross entropy, once with the
encouraging loss written out. Nothing of steepness is imported; a few arrays are all that it leaves."""

import argparse
import os
import re

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--loss", default="ce")  # added: ce, or el(le=0.75)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", default=".")
parser.add_argument("--epochs", type=int, default=30)
args = parser.parse_args()

torch.manual_seed(args.seed)
torch.set_num_threads(1)
images, labels = load_digits(return_X_y=True)
# The split is the same for every loss; here it is drawn anew by each seed.
x, x_test, y, y_test = train_test_split(images / 16, labels, test_size=0.2, random_state=args.seed)
x, x_val, y, y_val = train_test_split(x, y, test_size=0.2, random_state=args.seed)
x, x_val, x_test = (torch.tensor(part, dtype=torch.float32) for part in (x, x_val, x_test))
y = torch.tensor(y)

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


model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(args.epochs):
    for batch in torch.randperm(len(x)).split(32):
        optimizer.zero_grad()
        loss_of(model(x[batch]), y[batch]).backward()  # changed: was F.cross_entropy
        optimizer.step()
    print(f"epoch {epoch + 1} of {args.epochs}")


def save(name, array):
    np.save(os.path.join(args.out, name), array)


with torch.no_grad():
    save("logits.npy", model(x_test).numpy())  # added, with the next line: all that has to be there
    save("labels.npy", y_test)
    # And what makes the table longer: calibration after temperature scaling needs other examples than
    # those of the test, and intervals need to know from how many the seeds draw their test parts.
    save("val_logits.npy", model(x_val).numpy())
    save("val_labels.npy", y_val)
    save("train_counts.npy", torch.bincount(y, minlength=10).numpy())
