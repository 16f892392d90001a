"""The peer of benches/translation.py: the same Transformer in PyTorch as people write it, eager, and a
beam search with cached keys and values that stops as early. Same requests as
crates/lab/examples/bench_translation.rs:

    train THREADS SIZE PRECISION LOSS STEPS   ->  seconds of each step
    search THREADS SENTENCES ROUNDS           ->  seconds of each round
"""

import math
import re
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

VOCABULARY, SENTENCES, HIDDEN, HEADS, DROPOUT = 8000, 128, 1024, 4, 0.3
# Width, and layers on each side.
SIZES = {"small": (256, 3), "iwslt": (512, 6)}
BEAM, PAD, EOS = 5, 1, 2


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))

    def split(self, x):
        return x.unflatten(2, (HEADS, -1)).transpose(1, 2)

    def memory(self, x):
        return self.split(self.key(x)), self.split(self.value(x))

    def forward(self, x, memory, mask=None, causal=False):
        found = F.scaled_dot_product_attention(
            self.split(self.query(x)), *memory, attn_mask=mask, is_causal=causal
        )
        return self.output(found.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self, width, decodes):
        super().__init__()
        self.attention, self.source = Attention(width), Attention(width) if decodes else None
        self.widen, self.narrow = nn.Linear(width, HIDDEN), nn.Linear(HIDDEN, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3 if decodes else 2))

    def add(self, x, y, norm):
        return self.norms[norm](x + F.dropout(y, DROPOUT, self.training))

    def forward(self, x, own, visible, source=None, mask=None):
        x = self.add(x, self.attention(x, own, **visible), 0)
        if self.source is not None:
            x = self.add(x, self.source(x, source, mask=mask), 1)
        return self.add(x, self.narrow(F.relu(self.widen(x))), -1)


class Transformer(nn.Module):
    def __init__(self, size):
        super().__init__()
        width, layers = SIZES[size]
        self.embeddings = nn.ModuleList(nn.Embedding(VOCABULARY, width, PAD) for _ in range(2))
        self.encoder = nn.ModuleList(Layer(width, False) for _ in range(layers))
        self.decoder = nn.ModuleList(Layer(width, True) for _ in range(layers))
        self.output = nn.Linear(width, VOCABULARY, bias=False)
        for table in (*self.embeddings, self.output):
            nn.init.normal_(table.weight, std=width**-0.5)
        step = -math.log(10000) / (width // 2 - 1)
        angles = torch.arange(2, 258).unsqueeze(1) * torch.exp(torch.arange(width // 2) * step)
        self.register_buffer("places", torch.cat([angles.sin(), angles.cos()], 1))

    def embed(self, side, tokens, start=0):
        x = self.embeddings[side](tokens) * math.sqrt(self.output.in_features)
        x = x + self.places[start : start + tokens.shape[1]]
        return F.dropout(x, DROPOUT, self.training)

    def encode(self, source):
        mask = (source != PAD)[:, None, None]
        x = self.embed(0, source)
        for layer in self.encoder:
            x = layer(x, layer.attention.memory(x), {"mask": mask})
        return x, mask

    def forward(self, source, previous, at):
        states, mask = self.encode(source)
        x = self.embed(1, previous)
        for layer in self.decoder:
            own, memory = layer.attention.memory(x), layer.source.memory(states)
            x = layer(x, own, {"causal": True}, memory, mask)
        return self.output(x.flatten(0, 1)[at])

    def step(self, tokens, place, own, source, mask):
        """The next token of each row; `own` is a list of keys and values that grows."""
        x = self.embed(1, tokens[:, None], place)
        for at, layer in enumerate(self.decoder):
            new = layer.attention.memory(x)
            if own[at]:
                new = tuple(torch.cat(pair, 2) for pair in zip(own[at], new))
            own[at] = new
            x = layer(x, new, {}, source[at], mask)
        return self.output(x[:, 0])


def sentences(rows, shortest):
    token = lambda row, at: 4 + (row * 7919 + at * 104729) % (VOCABULARY - 4)
    return [[token(row, at) for at in range(shortest + row % 5)] + [EOS] for row in range(rows)]


def padded(rows):
    width = max(map(len, rows))
    return torch.tensor([row + [PAD] * (width - len(row)) for row in rows])


def smoothed_el(logits, target, log_end, smoothing):
    """The encouraging loss with label smoothing in the manner of the published code for fairseq: every
    operation on all N x C entries."""
    log_probs = F.log_softmax(logits, dim=-1)
    probs = torch.exp(log_probs)
    bonus = torch.log(torch.clamp(torch.ones_like(probs) - probs, min=1e-5))
    y_log_end = torch.ones_like(probs) * log_end
    after = 1 / (log_end - torch.ones_like(probs)) * (probs - log_end)
    after = after + torch.log(torch.ones_like(probs) - y_log_end)
    bonus = torch.where(probs > log_end, after, bonus)
    rewarded = bonus - log_probs
    of_label = rewarded.gather(1, target[:, None]).squeeze(1)
    return ((1 - smoothing) * of_label + smoothing * rewarded.mean(1)).mean()


def loss_function(spec):
    if found := re.fullmatch(r"ce \+ smooth\(([\d.]+)\)", spec):
        return lambda z, y: F.cross_entropy(z, y, label_smoothing=float(found[1]))
    if found := re.fullmatch(r"el\(le=([\d.]+)\) \+ smooth\(([\d.]+)\)", spec):
        return lambda z, y: smoothed_el(z, y, float(found[1]), float(found[2]))
    raise ValueError(f"no loss {spec!r} here")


def train(size, precision, spec, steps):
    model, loss_of = Transformer(size).train(), loss_function(spec)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0005, betas=(0.9, 0.98))
    rows = sentences(SENTENCES, 13)
    source, previous = padded(sentences(SENTENCES, 12)), padded([[EOS] + row[:-1] for row in rows])
    at = (previous != PAD).flatten().nonzero().flatten()
    target = torch.tensor(sum(rows, []))

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = model(source, previous, at)
        loss = loss_of(logits.float(), target)
        assert math.isfinite(loss.item())
        loss.backward()
        optimizer.step()

    return [seconds(step) for _ in range(steps)]


@torch.inference_mode()
def search(model, source):
    """Of each sentence the best hypothesis, of at most as many tokens as the source and three."""
    count, vocabulary = len(source), VOCABULARY
    longest = (source != PAD).sum(1) + 2
    states, mask = model.encode(source)
    beams = lambda x: x.repeat_interleave(BEAM, 0)
    memories = [tuple(map(beams, layer.source.memory(states))) for layer in model.decoder]
    mask, own = beams(mask), [None] * len(model.decoder)
    sentence = torch.arange(count)
    tokens = torch.full((count * BEAM, 1), EOS)
    scores = torch.zeros(count, BEAM)
    scores[:, 1:] = -math.inf  # all are the same at first
    finished = [[] for _ in range(count)]
    for place in range(int(longest.max()) + 1):
        rows = len(sentence)
        log_probs = model.step(tokens[:, -1], place, own, memories, mask).log_softmax(-1)
        log_probs = log_probs.view(rows, BEAM, vocabulary)
        log_probs[:, :, PAD] = -math.inf
        if place == 0:
            log_probs[:, :, EOS] = -math.inf
        full = place >= longest[sentence]
        ends = log_probs[full, :, EOS].clone()
        log_probs[full] = -math.inf
        log_probs[full, :, EOS] = ends
        total = (log_probs + scores[:, :, None]).view(rows, -1)
        best, index = total.topk(2 * BEAM)
        parent, token = index // vocabulary, index % vocabulary
        is_end = token == EOS
        for row, rank in (is_end[:, :BEAM] & best[:, :BEAM].isfinite()).nonzero().tolist():
            own_row = row * BEAM + int(parent[row, rank])
            if len(finished[sentence[row]]) < BEAM:
                score = float(best[row, rank]) / (place + 1)
                finished[sentence[row]].append((score, tokens[own_row, 1:]))
        done = torch.tensor([len(finished[at]) == BEAM for at in sentence.tolist()]) | full
        kept = (~done).nonzero().flatten()
        if len(kept) == 0:
            break
        going_on = (is_end * 2 * BEAM + torch.arange(2 * BEAM)).topk(BEAM, largest=False).indices
        going_on, best, parent, token = going_on[kept], best[kept], parent[kept], token[kept]
        scores, token = best.gather(1, going_on), token.gather(1, going_on).view(-1, 1)
        order = (kept[:, None] * BEAM + parent.gather(1, going_on)).view(-1)
        tokens = torch.cat([tokens[order], token], 1)
        own = [tuple(part[order] for part in pair) for pair in own]
        if len(kept) < rows:
            every = (kept[:, None] * BEAM + torch.arange(BEAM)).view(-1)
            memories = [tuple(part[every] for part in pair) for pair in memories]
            mask, sentence = mask[every], sentence[kept]
    return [max(found, key=lambda pair: pair[0]) for found in finished]


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def answer(words):
    torch.manual_seed(0)
    torch.set_num_threads(int(words[1]))
    if words[0] == "train":
        return train(*words[2:4], words[4].replace("_", " "), int(words[5]))
    model, source = Transformer("small").eval(), padded(sentences(int(words[2]), 12))
    return [seconds(lambda: search(model, source)) for _ in range(int(words[3]))]


if __name__ == "__main__":
    print("ready", flush=True)
    for line in sys.stdin:
        print(*answer(line.split()), flush=True)
