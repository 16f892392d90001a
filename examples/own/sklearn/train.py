"""scikit-learn's multilayer perceptron on its digits, with the optimizer as what is compared."""

import os
import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

solver = sys.argv[1]
seed, out = int(os.environ["STEEPNESS_SEED"]), os.environ["STEEPNESS_RUN"]
images, labels = load_digits(return_X_y=True)
# One test part and one validation part for all seeds.
x, x_test, y, y_test = train_test_split(images / 16, labels, test_size=0.2, random_state=0)
x, x_val, y, y_val = train_test_split(x, y, test_size=0.2, random_state=0)
model = MLPClassifier(32, solver=solver, max_iter=60, random_state=seed).fit(x, y)
print(solver, "ended after", model.n_iter_, "iterations")
for name, part, its_labels in (("", x_test, y_test), ("val_", x_val, y_val)):
    # Logits up to a constant a row: their softmax is the same.
    np.save(os.path.join(out, name + "logits.npy"), np.log(model.predict_proba(part).clip(1e-30)))
    np.save(os.path.join(out, name + "labels.npy"), its_labels)
