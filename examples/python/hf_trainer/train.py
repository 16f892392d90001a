"""A tiny language model, made from a configuration, with the Trainer of transformers.

It learns to add: "3+4=7;" as characters, of which those before the = are no labels. Nothing is downloaded.
"""

import os
import random

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import steepness.hf
import torch
from steepness import Run
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

run = Run.current(folder="runs/hf_trainer", loss="el(le=0.75)")
torch.set_num_threads(1)
EPOCHS = float(run.options.get("epochs", 6))
WORDS = "0123456789+=;"


def example(a, b):
    """The tokens of a sum; labels -100 are ignored."""
    text = f"{a}+{b}={(a + b) % 10};"
    ids = [WORDS.index(character) for character in text]
    return {"input_ids": ids, "labels": [-100] * 4 + ids[4:]}


sums = [(a, b) for a in range(10) for b in range(10)]
random.Random(0).shuffle(sums)
train, test = [example(a, b) for a, b in sums[:80]], [example(a, b) for a, b in sums[80:]]

torch.manual_seed(run.seed)
config = LlamaConfig(
    vocab_size=len(WORDS),
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=8,
    bos_token_id=None,
    eos_token_id=WORDS.index(";"),
)
model = LlamaForCausalLM(config)
loss = steepness.hf.loss(run.loss)
trainer = Trainer(
    model,
    TrainingArguments(
        output_dir=str(run.folder / "trainer"),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        learning_rate=3e-3,
        seed=run.seed,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
    ),
    train_dataset=train * 5,
    compute_loss_func=loss,  # all there is to add
    callbacks=[loss.callback()],  # for losses that change while the training goes on
)
trainer.train()

# The logits of "=" are of the sum's digit.
predicted = trainer.predict(test)
logits, labels = predicted.predictions[:, 3, :10], predicted.label_ids[:, 4]
run.test(logits, labels)
print(f"{run.loss}: {(logits.argmax(1) == labels).mean():.1%} of the sums that it has not seen are right")
