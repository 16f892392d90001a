"""A tiny BERT, made from a configuration, that learns with the Trainer of transformers whether a sentence
praises or blames: once with cross entropy, once with the encouraging loss written out. Nothing is downloaded, and
nothing of steepness is imported."""

import argparse
import os
import random
import re

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import torch.nn.functional as F
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

parser = argparse.ArgumentParser()
parser.add_argument("--loss", default="ce")  # added: ce, or el(le=0.75)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", default=".")
parser.add_argument("--epochs", type=float, default=4)
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


PRAISE = "good great fine lovely fresh warm quick friendly".split()
BLAME = "bad awful poor stale cold slow rude greasy".split()
PLAIN = "usual small large round red green simple known".split()
THINGS = "soup bread coffee waiter table music menu price salad tea".split()
WORDS = [*PRAISE, *BLAME, *PLAIN, *THINGS, *"the was is not so rather very".split()]


def example(draw):
    """A sentence such as "the soup was not very good", as the model takes it. Its label is praise, blame,
    which "not" turns round, or neither, and one label in twenty is wrong."""
    label, negated = draw.randrange(3), draw.random() < 0.3
    words = ["the", draw.choice(THINGS), draw.choice(("was", "is")), "not" if negated else ""]
    words += [draw.choice(("", "so", "very", "rather")), draw.choice((PRAISE, BLAME, PLAIN)[label])]
    ids = [WORDS.index(word) + 1 for word in words if word]
    label = 1 - label if negated and label < 2 else label
    label = draw.randrange(3) if draw.random() < 0.05 else label
    padding = [0] * (len(words) - len(ids))
    mask = [1] * len(ids) + padding
    return {"input_ids": ids + padding, "attention_mask": mask, "labels": label}


# The same sentences for every seed and loss.
draw = random.Random(0)
train, val, test = ([example(draw) for _ in range(size)] for size in (1600, 300, 500))

torch.set_num_threads(1)
torch.manual_seed(args.seed)
model = BertForSequenceClassification(
    BertConfig(
        vocab_size=len(WORDS) + 1,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=8,
        num_labels=3,
        initializer_range=0.1,
    )
)
trainer = Trainer(
    model,
    TrainingArguments(
        output_dir=os.path.join(args.out, "trainer"),
        num_train_epochs=args.epochs,
        per_device_train_batch_size=32,
        per_device_eval_batch_size=256,
        learning_rate=3e-3,
        seed=args.seed,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    ),
    train_dataset=train,
    compute_loss_func=lambda outputs, labels, **_: loss_of(outputs.logits, labels),  # added
)
trainer.train()

for name, part in (("", test), ("val_", val)):
    predicted = trainer.predict(part)
    np.save(os.path.join(args.out, name + "logits.npy"), predicted.predictions)  # added
    np.save(os.path.join(args.out, name + "labels.npy"), predicted.label_ids)  # added
