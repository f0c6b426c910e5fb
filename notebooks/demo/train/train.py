"""Trains the embedded network on Fashion-MNIST and writes its state.

	OMP_NUM_THREADS=2 python3 train.py state.pt 2>&1 | tee train.log

Debian 12: python3-torch 1.13, dataset-fashion-mnist. Two threads, one seed,
deterministic kernels: the same machine gives the same state.

Of the 60,000 training images 58,000 are trained on and 2,000 (200 of each
class) give the figures of each epoch. The 10,000 test images are read once,
after the last epoch; nothing is chosen by them.
"""

import os
import platform
import random
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import data
from network import Network

SEED = 20
EPOCHS = 22
BATCH = 128
WARMUP_EPOCHS = 2
PEAK_RATE = 0.12
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4  # on the weights of Conv and Gemm alone
LABEL_SMOOTHING = 0.05
EMA_DECAY = 0.998  # of weights and of the running mean and variance
SHIFT = 2  # pixels, each way
ERASE_PROBABILITY = 0.2
ERASE_SIDES = (4, 10)  # pixels, first and last


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: train.py state.pt")
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    print(f"python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}")
    print(f"seed {SEED}, {EPOCHS} epochs, batch {BATCH}, {torch.get_num_threads()} threads, "
          f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start (a shared machine)")

    train_x, train_y, test_x, test_y = data.load()
    train, held = data.split(train_y, SEED)
    held_x, held_y = scaled(train_x[held]), torch.from_numpy(train_y[held]).long()
    x, y = scaled(train_x[train]), torch.from_numpy(train_y[train]).long()

    net = Network().to(memory_format=torch.channels_last)
    mean = Network().to(memory_format=torch.channels_last)  # the moving average
    mean.load_state_dict(net.state_dict())
    print(f"{sum(p.numel() for p in net.parameters())} parameters")

    weights = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() <= 1]
    optimizer = torch.optim.SGD(
        [dict(params=weights, weight_decay=WEIGHT_DECAY), dict(params=others, weight_decay=0)],
        lr=0, momentum=MOMENTUM, nesterov=True)

    steps = len(x) // BATCH
    total, warmup, step = EPOCHS * steps, WARMUP_EPOCHS * steps, 0
    start = time.time()
    for epoch in range(1, EPOCHS + 1):
        began = time.time()
        net.train()
        order = torch.randperm(len(x))
        loss_sum, right = 0.0, 0
        for i in range(steps):
            rate = PEAK_RATE * min(
                (step + 1) / warmup,
                0.5 * (1 + np.cos(np.pi * max(0, step - warmup) / (total - warmup))))
            for group in optimizer.param_groups:
                group["lr"] = rate
            pick = order[i * BATCH:(i + 1) * BATCH]
            target = y[pick]
            logits = net(augmented(x[pick]))
            loss = F.cross_entropy(logits, target, label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
            average(mean, net, min(EMA_DECAY, (1 + step) / (10 + step)))
            loss_sum += loss.item()
            right += (logits.argmax(1) == target).sum().item()
        print(f"epoch {epoch:2d}: rate {rate:.4f}, loss {loss_sum / steps:.4f}, "
              f"train {100 * right / (steps * BATCH):.2f} % (augmented), "
              f"held out {accuracy(net, held_x, held_y):.2f} %, "
              f"averaged {accuracy(mean, held_x, held_y):.2f} %, "
              f"{time.time() - began:.1f} s", flush=True)

    print(f"trained in {time.time() - start:.0f} s wall time; other work ran on the same two cores, "
          f"load {os.getloadavg()[0]:.1f} at the end")
    top1 = accuracy(mean, scaled(test_x), torch.from_numpy(test_y.copy()).long())
    print(f"torch: averaged weights, 10,000 test images: top-1 {top1:.2f} %")
    torch.save(mean.state_dict(), sys.argv[1] + ".tmp")
    os.replace(sys.argv[1] + ".tmp", sys.argv[1])


def scaled(pixels):
    """uint8 [N,28,28] → float32 [N,1,28,28], pixel/255; the model's input rule."""
    return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))[:, None]


def augmented(x):
    """Each image flipped or not, shifted by up to SHIFT pixels, perhaps a rectangle zeroed."""
    n, _, h, w = x.shape
    flip = torch.rand(n) < 0.5
    columns = torch.arange(w).expand(n, w)
    columns = torch.where(flip[:, None], w - 1 - columns, columns)
    dx = torch.randint(0, 2 * SHIFT + 1, (n,))
    dy = torch.randint(0, 2 * SHIFT + 1, (n,))
    padded = F.pad(x[:, 0], (SHIFT,) * 4)
    rows = torch.arange(h).expand(n, h) + dy[:, None]
    columns = columns + dx[:, None]
    out = padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]

    side = torch.randint(ERASE_SIDES[0], ERASE_SIDES[1] + 1, (2, n))
    top = (torch.rand(n) * (h - side[0] + 1)).long()
    left = (torch.rand(n) * (w - side[1] + 1)).long()
    r, c = torch.arange(h)[None], torch.arange(w)[None]
    inside = ((r >= top[:, None]) & (r < (top + side[0])[:, None]))[:, :, None] & \
             ((c >= left[:, None]) & (c < (left + side[1])[:, None]))[:, None, :]
    erase = inside & (torch.rand(n) < ERASE_PROBABILITY)[:, None, None]
    return out.masked_fill(erase, 0)[:, None].contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def average(mean, net, decay):
    """mean = decay·mean + (1−decay)·net, for parameters and running statistics."""
    for a, b in zip(mean.state_dict().values(), net.state_dict().values()):
        if a.dtype.is_floating_point:
            a.lerp_(b, 1 - decay)
        else:
            a.copy_(b)


@torch.no_grad()
def accuracy(net, x, y):
    """Top-1 in percent."""
    net.eval()
    right = 0
    for i in range(0, len(x), 500):
        batch = x[i:i + 500].contiguous(memory_format=torch.channels_last)
        right += (net(batch).argmax(1) == y[i:i + 500]).sum().item()
    return 100 * right / len(x)


if __name__ == "__main__":
    main()
