"""Handwritten digits with Lightning: the loss is an attribute of the module."""

import warnings

import lightning
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from steepness import Run
from steepness.torch import Loss
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

run = Run.current(folder="runs/lightning", loss="el(le=0.75)")
lightning.seed_everything(run.seed, verbose=False)
warnings.filterwarnings("ignore", ".*does not have many workers.*")
EPOCHS = int(run.options.get("epochs", 15))


class Digits(lightning.LightningModule):
    def __init__(self, loss):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
        self.criterion = Loss(loss)  # its running means, if it has any, are saved in checkpoints

    def on_train_epoch_start(self):
        self.criterion.set_epoch(self.current_epoch + 1, self.trainer.max_epochs)

    def training_step(self, batch, _):
        x, y = batch
        return self.criterion(self.model(x), y)

    def predict_step(self, batch, _):
        return self.model(batch[0])

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=3e-3)


images, labels = load_digits(return_X_y=True)
parts = train_test_split(images / 16, labels, test_size=500, random_state=0, stratify=labels)
x, test_x = (torch.tensor(part, dtype=torch.float32) for part in parts[:2])
y, test_y = (torch.tensor(part) for part in parts[2:])
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
trainer = lightning.Trainer(
    max_epochs=EPOCHS, accelerator="cpu", deterministic=True, enable_model_summary=False, **quiet
)
model = Digits(run.loss)
trainer.fit(model, DataLoader(TensorDataset(x, y), 64, shuffle=True))
logits = torch.cat(trainer.predict(model, DataLoader(TensorDataset(test_x), 500)))
run.test(logits, test_y)
print(f"{run.loss}: {(logits.argmax(1) == test_y).float().mean():.1%} of the test digits are right")
