"""The peer of benches/graphs.py: the paper's network on graphs of PyTorch Geometric's layers, with the
official encouraging loss. Same requests as crates/lab/examples/bench_graphs.rs:

    FOLDER THREADS EPOCHS   ->  seconds of each epoch
"""

import sys
import time
from pathlib import Path

import torch
from peer_loss import official_el
from torch import nn
from torch_geometric.data import Batch, Data
from torch_geometric.io import read_tu_data
from torch_geometric.nn import GCNConv, SAGPooling, global_max_pool, global_mean_pool

BATCH, STRIDE, HIDDEN = 128, 7919, 128


class Net(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        widths = (features, HIDDEN, HIDDEN)
        self.convs = nn.ModuleList(GCNConv(width, HIDDEN) for width in widths)
        self.pools = nn.ModuleList(SAGPooling(HIDDEN, 0.5, GNN=GCNConv) for _ in widths)
        self.lin1, self.lin2 = nn.Linear(2 * HIDDEN, HIDDEN), nn.Linear(HIDDEN, HIDDEN // 2)
        self.lin3 = nn.Linear(HIDDEN // 2, classes)

    def forward(self, batch):
        x, edges, graph, said = batch.x, batch.edge_index, batch.batch, 0
        for conv, pool in zip(self.convs, self.pools):
            x = conv(x, edges).relu()
            x, edges, _, graph, _, _ = pool(x, edges, None, graph)
            said = said + torch.cat([global_max_pool(x, graph), global_mean_pool(x, graph)], dim=1)
        x = nn.functional.dropout(self.lin1(said).relu(), 0.5, self.training)
        return self.lin3(self.lin2(x).relu())


def load(folder):
    """The graphs one by one, as a data set of PyTorch Geometric gives them, with their labels only."""
    name = next(Path(folder).glob("*_A.txt")).name.removesuffix("_A.txt")
    data, slices, sizes = read_tu_data(folder, name)
    labels = data.x[:, sizes["num_node_attributes"]:]
    cut = lambda key, tensor, at, dim: tensor.narrow(
        dim, int(slices[key][at]), int(slices[key][at + 1] - slices[key][at])
    )
    graphs = range(len(slices["y"]) - 1)
    return [
        Data(x=cut("x", labels, at, 0).contiguous(), y=data.y[at:at + 1],
             edge_index=cut("edge_index", data.edge_index, at, 1).contiguous())
        for at in graphs
    ]  # fmt: skip


def epochs(folder, count):
    graphs = load(folder)
    net = Net(graphs[0].x.shape[1], 2).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-4, weight_decay=1e-4)
    seconds = []
    for epoch in range(count):
        start = time.perf_counter()
        order = [(row * STRIDE + epoch) % len(graphs) for row in range(len(graphs))]
        for first in range(0, len(order), BATCH):
            batch = Batch.from_data_list([graphs[row] for row in order[first:first + BATCH]])
            optimizer.zero_grad()
            loss = official_el(net(batch), batch.y, 0.5)
            assert torch.isfinite(loss)
            loss.backward()
            optimizer.step()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    print("ready", flush=True)
    for line in sys.stdin:
        folder, threads, count = line.split()
        torch.set_num_threads(int(threads))
        print(*epochs(folder, int(count)), flush=True)
