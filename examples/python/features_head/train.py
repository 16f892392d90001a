"""A linear head on features of another model, as an estimator of scikit-learn; without PyTorch.

`steepness.loss` gives value and gradient, and SciPy's L-BFGS does the rest.
"""

import numpy as np
import steepness
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import RBFSampler
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline


class Head(ClassifierMixin, BaseEstimator):
    """`LogisticRegression` with any loss of one line."""

    def __init__(self, loss="ce", decay=1e-4):
        self.loss = loss
        self.decay = decay

    def fit(self, x, y):
        self.classes_, y = np.unique(y, return_inverse=True)
        x = self._with_bias(x)
        shape = (x.shape[1], len(self.classes_))

        def objective(weight):
            weight = weight.reshape(shape)
            value, gradient = steepness.loss(self.loss, x @ weight, y, gradient=True)
            value += self.decay / 2 * (weight**2).sum()
            return value, (x.T @ gradient + self.decay * weight).ravel()

        found = minimize(
            objective, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 100}
        )
        self.weight_ = found.x.reshape(shape)
        return self

    def decision_function(self, x):
        return self._with_bias(x) @ self.weight_

    def predict(self, x):
        return self.classes_[self.decision_function(x).argmax(1)]

    @staticmethod
    def _with_bias(x):
        return np.concatenate([x, np.ones((len(x), 1))], 1)


run = steepness.Run.current(folder="runs/features_head", loss="el(le=0.75)")
images, labels = load_digits(return_X_y=True)
parts = train_test_split(images / 16, labels, test_size=500, random_state=0, stratify=labels)
x, test_x, y, test_y = parts

# In the place of a large model: random features, which the seed draws.
features = RBFSampler(gamma=0.2, n_components=200, random_state=run.seed)
model = make_pipeline(features, Head(run.loss)).fit(x, y)
run.test(model.decision_function(test_x), test_y)
print(f"{run.loss}: {model.score(test_x, test_y):.1%} of the test digits are right")
