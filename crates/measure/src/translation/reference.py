"""Makes reference.json: 20 random systems with what sacreBLEU 2.6.0 says of them.

    pip install sacrebleu==2.6.0 regex && python reference.py > reference.json
"""

import json
import random

from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

WORDS = (
    "the a cat dog sat on mat house Haus größer über naïve coûte 3.5 1,000 2021. 10-year e-mail don't"
    " l'été „Zitat“ «guillemets» … – — (well) [x] $5 €7 100% C++ a/b &amp; &quot;q&quot; x<y <skipped>"
    " 日本語 、 。 ！ ok! why? yes; no: hi, ÉCOLE İstanbul ΟΔΟΣ ½ ² ①"
).split(" ")


def line(random):
    kind = random.random()
    if kind < 0.05:
        return ""
    if kind < 0.1:
        return random.choice(WORDS)
    return " ".join(random.choice(WORDS) for _ in range(random.randint(2, 14)))


def changed(random, text):
    words = text.split(" ")
    for _ in range(random.randint(0, 4)):
        at = random.randrange(len(words) + 1)
        action = random.randrange(4)
        if action == 0:
            words[at:at] = [random.choice(WORDS)]
        elif action == 1:
            words[at : at + 1] = []
        elif action == 2:
            words[at : at + 1] = [random.choice(WORDS)]
        else:
            words[at : at + 1] = [word.swapcase() for word in words[at : at + 1]]
    return " ".join(words) + random.choice(["", "", " ", "  \t"])


def scores(metric, hypotheses, references):
    found = metric.corpus_score(hypotheses, references)
    return [found.score, str(metric.get_signature())]


SETTINGS = [
    (tokenize, smooth, lowercase)
    for tokenize in ("13a", "intl", "char", "none")
    for smooth in ("exp", "floor", "none")
    for lowercase in (False, True)
]

systems = []
for seed in range(20):
    rng = random.Random(seed)
    count = 1 if seed == 0 else rng.randint(2, 12)
    first = [line(rng) for _ in range(count)]
    references = [first] if seed % 2 else [first, [changed(rng, text) for text in first]]
    hypotheses = [changed(rng, text) for text in first]
    if seed == 1:
        hypotheses = ["" for _ in first]
    bleu = [
        scores(BLEU(lowercase=l, tokenize=t, smooth_method=s), hypotheses, references)
        for t, s, l in SETTINGS
    ]
    chrf = [
        scores(CHRF(word_order=order, lowercase=l), hypotheses, references)
        for order in (0, 2)
        for l in (False, True)
    ]
    systems.append(
        {"hypotheses": hypotheses, "references": references, "bleu": bleu, "chrf": chrf}
    )

rng = random.Random(99)
reference = [line(rng) or "x" for _ in range(40)]
pair = [[changed(rng, changed(rng, text)) for text in reference], [changed(rng, text) for text in reference]]
metrics = {"BLEU": BLEU(), "chrF2": CHRF()}
test = PairedTest(
    [("baseline", pair[0]), ("system", pair[1])], metrics, [reference], test_type="bs", n_samples=1000
)
_, results = test()
paired = {
    name: [[found.score, float(found.mean), float(found.ci), found.p_value] for found in results[name]]
    for name in metrics
}
print(json.dumps({
    "systems": systems,
    "paired": {"reference": reference, "pair": pair, "expected": paired},
}, ensure_ascii=False, indent=0))  # fmt: skip
