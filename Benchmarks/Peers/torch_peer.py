"""The model in PyTorch, float32: forward written down, gradient by autograd, torch's own fused Adam.

All parameters are one vector, split into views, so that autograd's gradient is one vector and Adam has one tensor. Eager
mode computes a single image at its own length; --compile compiles the whole step (gradient, clips, Adam) as one graph
with names padded to 6 positions. Only live positions are computed, as in the NumPy peer.
"""

from __future__ import annotations

import common  # first: it sets the thread limits

import functools
import time
from typing import Callable

import numpy as np
import torch
import torch.nn.functional as nn
from common import BETA1, BETA2, CLIP, EPSILON, FEATURE_CLIP, RECON_WEIGHT

F, D, H = 28, 32, 4
N = common.LONGEST
NORM = 1e-8
Arrays = dict[str, torch.Tensor]

INPUTS, TARGETS = torch.from_numpy(common.INPUTS), torch.from_numpy(common.TARGETS)
WEIGHTS = torch.from_numpy(common.WEIGHTS).float()
# (n, F + n) for each n: minus infinity at the later text positions.
MASKS = [torch.zeros(n, F + n).masked_fill(~torch.ones(n, F + n, dtype=torch.bool).tril(F), -torch.inf) for n in range(N + 1)]
SHAPES = [shape for shape, _ in common.LAYOUT.values()]
SIZES = list(common.SIZES.values())
PIXELS, TENSOR = common.SIZES["pixels"], common.SIZES["tensor"]
# Which of the nine feature tensors each row of `pixels` belongs to.
ROWS = torch.repeat_interleave(torch.arange(9), torch.tensor(common.PIXEL_COUNTS))


def arrays_in(flat: torch.Tensor) -> Arrays:
    """The arrays of common.LAYOUT in a vector."""
    return {name: part.view(shape) for name, part, shape in zip(common.LAYOUT, flat.split(SIZES), SHAPES)}


def unit(v: torch.Tensor) -> torch.Tensor:
    """v / (|v| + 1e-8) by rows."""
    return v / (torch.linalg.vector_norm(v, dim=-1, keepdim=True) + NORM)


def rmsnorm(v: torch.Tensor) -> torch.Tensor:
    """v / sqrt(mean(v^2) + 1e-5) by rows."""
    return nn.rms_norm(v, (D,), eps=1e-5)


def forward(w: Arrays, x: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (B, n, V) and the degree-2 direct features (B, 8) of images x (B, P) and tokens (B, n)."""
    B, n = tokens.shape
    T = F + n
    # Vision features
    l1, r1, l2, r2, c0, c1, e0, e1, e2 = nn.linear(x, w["pixels"]).split(common.PIXEL_COUNTS, 1)
    a, b = w["tensor"].unbind()
    t = nn.linear(unit(l1 * r1), a) * nn.linear(unit(l2 * r2), b)
    g2 = c0 * c1
    left, right = nn.linear(unit(torch.cat([t, g2, e0 * e1 * e2], 1)), w["vision"]).chunk(2, 1)
    base = left * right
    # Embeddings
    texts = nn.embedding(tokens, w["wte"])
    e = torch.cat([base[:, None].expand(B, F, D), texts], 1) + w["wpe"][:T]
    h = rmsnorm(e)
    # Attention
    a = rmsnorm(h)
    wq, wkv = w["wqkv"].split([D, 2 * D])
    q = nn.linear(a[:, F:], wq).view(B, n, H, 2, 4).permute(3, 0, 2, 1, 4)  # (2, B, H, n, 4)
    k, v = nn.linear(a, wkv).chunk(2, 2)
    k = k.view(B, T, H, 2, 4).permute(3, 0, 2, 4, 1)  # (2, B, H, 4, T)
    first, second = (q @ k).unbind()
    p = torch.softmax(torch.addcmul(MASKS[n], first, second, value=1 / 8), -1)
    o = (p @ v.view(B, T, H, 8).transpose(1, 2)).transpose(1, 2).reshape(B, n, D)
    h = h[:, F:] + nn.linear(o, w["wo"])
    # MLP
    h = h + nn.linear(torch.relu(nn.linear(rmsnorm(h), w["fc1"])), w["fc2"])
    return nn.linear(h, w["lm_head"]), g2


def reconstruction(w: Arrays, x: torch.Tensor, g2: torch.Tensor) -> torch.Tensor:
    """(B,): clip(n^T G n - 2 n.n + x.x, 0, 10), n = unit(g2), G = (L^ L^T) * (R^ R^T), L^, R^ = C0, C1 with unit rows."""
    n = unit(g2)
    left, right = unit(w["pixels"][40:56]).view(2, 8, -1).unbind()
    gram = (left @ left.T) * (right @ right.T)
    return (((n @ gram - 2 * n) * n).sum(1) + (x * x).sum(1)).clamp(0, 10)


def loss(
    flat: torch.Tensor, x: torch.Tensor, tokens: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor, recon: float
) -> torch.Tensor:
    """The mean over images of text + recon * reconstruction error."""
    w = arrays_in(flat)
    logits, g2 = forward(w, x, tokens)
    each = nn.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    total = each @ weights.flatten()
    if recon:
        error = reconstruction(w, x, g2).sum()
        # Where all errors are clipped to 0, which is often, eager mode is spared their backward pass.
        if torch.compiler.is_compiling() or error > 0:
            total = total + recon * error
    return total / len(x)


def clip_(g: torch.Tensor) -> torch.Tensor:
    """In place: each feature tensor's gradient to norm 1, then all to norm 5, each by limit / (norm + 1e-8).

    Gives the last norm, which says whether the gradient is finite.
    """
    pixels, tensor, rest = g[:PIXELS].view(80, -1), g[PIXELS : PIXELS + TENSOR].view(2, -1), g[PIXELS + TENSOR :]
    rows = torch.linalg.vector_norm(pixels, dim=1).square()
    squares = torch.cat([rows.new_zeros(9).index_add(0, ROWS, rows), torch.linalg.vector_norm(tensor, dim=1).square()])
    norms = squares.sqrt()
    scales = torch.where(norms > FEATURE_CLIP, FEATURE_CLIP / (norms + NORM), 1.0)
    total = ((scales * norms).square().sum() + rest.square().sum()).sqrt()
    last = torch.where(total > CLIP, CLIP / (total + NORM), 1.0)
    scales = scales * last
    pixels.mul_(scales[ROWS, None])
    tensor.mul_(scales[9:, None])
    rest.mul_(last)
    return total


def batch_at(s: int, batch: int, x: torch.Tensor, labels: torch.Tensor, n: int | None = None):
    """x, tokens, targets and weights of step s, at the length of its longest name or padded to n."""
    start = s * batch % len(x)
    chosen = slice(start, start + batch)
    if start + batch > len(x):
        chosen = torch.from_numpy(common.batch_indices(s, batch, len(x)))
    digits = labels[chosen]
    n = n or int(LENGTHS[digits].max())
    return x[chosen], INPUTS[digits, :n], TARGETS[digits, :n], WEIGHTS[digits, :n]


LENGTHS = torch.from_numpy(common.LENGTHS)


def adam_(p: torch.Tensor, m: torch.Tensor, v: torch.Tensor, g: torch.Tensor, s: torch.Tensor) -> None:
    """m, v follow g and g^2; p -= rate m^ / (sqrt(v^) + eps) with the bias corrections 1 - beta^(s+1). For --compile."""
    rate = common.RATE * (1 - s / common.SCHEDULE_STEPS).clamp(min=0)
    m.lerp_(g, 1 - BETA1)
    v.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
    p.sub_(rate / (1 - BETA1 ** (s + 1)) * m / ((v / (1 - BETA2 ** (s + 1))).sqrt() + EPSILON))


def initial() -> torch.Tensor:
    return torch.from_numpy(common.flat_of(common.arrays_of(common.initial_tensors()))).float()


def eager_step() -> tuple[torch.Tensor, Callable]:
    p = initial().requires_grad_()
    optimizer = torch.optim.Adam([p], lr=common.RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True)

    def step(s: int, *batch: torch.Tensor) -> torch.Tensor:
        (p.grad,) = torch.autograd.grad(loss(p, *batch, RECON_WEIGHT), p)
        norm = clip_(p.grad)
        optimizer.param_groups[0]["lr"] = common.learning_rate(s)
        optimizer.step()
        return norm

    return p, step


def compiled_step(example: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, Callable]:
    """Compiled, by a first step on the example, which is then taken back."""
    p = initial()
    m, v = torch.zeros_like(p), torch.zeros_like(p)

    def whole(p, m, v, s, x, tokens, targets, weights):
        g = torch.func.grad(loss)(p, x, tokens, targets, weights, RECON_WEIGHT)
        norm = clip_(g)
        adam_(p, m, v, g, s)
        return norm

    compiled = torch.compile(whole, dynamic=False, fullgraph=True)

    def step(s: int, *batch: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return compiled(p, m, v, torch.tensor(float(s)), *batch)

    step(0, *example)
    p.copy_(initial())
    m.zero_()
    v.zero_()
    return p, step


def train(images: common.Images, steps: int, batch: int, compile: bool) -> tuple[torch.Tensor, float, float]:
    """The trained vector, the seconds that training took, and those that compilation took before."""
    x, labels = torch.from_numpy(images.x).float(), torch.from_numpy(images.labels)
    n = N if compile else None
    start = time.perf_counter()
    p, step = compiled_step(batch_at(0, batch, x, labels, n)) if compile else eager_step()
    compile_seconds = time.perf_counter() - start if compile else 0.0
    norms = []
    start = time.perf_counter()
    for s in range(steps):
        norms.append(step(s, *batch_at(s, batch, x, labels, n)))
    seconds = time.perf_counter() - start
    finite = torch.stack(norms).isfinite()
    if not finite.all():
        raise common.not_finite(int(finite.int().argmin()))
    return p.detach(), seconds, compile_seconds


@torch.no_grad()
def accuracy(p: torch.Tensor, images: common.Images) -> float:
    right, w = 0, arrays_in(p)
    for start in range(0, len(images.x), 500):
        labels = images.labels[start : start + 500]
        logits, _ = forward(w, torch.from_numpy(images.x[start : start + 500]).float(), INPUTS[labels])
        right += common.spelled_right(logits.numpy(), labels).sum()
    return right / len(images.x)


@functools.cache
def compiled_gradient() -> Callable:
    return torch.compile(torch.func.grad(loss), dynamic=False, fullgraph=True)


def check_gradient(
    tensors: dict[str, np.ndarray], x: np.ndarray, label: int, recon: float, copies: int = 1, compile: bool = False
) -> dict[str, np.ndarray]:
    """The gradient of one image, or of a batch of copies of it, by tensor."""
    flat = torch.from_numpy(common.flat_of(common.arrays_of(tensors))).float()
    n = N if compile else common.LENGTHS[label]
    digits = torch.full((copies,), label)
    g = (compiled_gradient() if compile else torch.func.grad(loss))(
        flat, torch.from_numpy(np.tile(x, (copies, 1))), INPUTS[digits, :n], TARGETS[digits, :n], WEIGHTS[digits, :n], recon)
    return common.tensors_of({name: array.numpy() for name, array in arrays_in(g).items()})


def main() -> None:
    options = common.arguments("The model in PyTorch, float32.", ("--compile", "the whole step by torch.compile"))
    torch.set_num_threads(options.threads)
    # The moments of pixels that are seldom lit decay into denormal numbers, which are slow; XLA flushes them too.
    torch.set_flush_denormal(True)
    p, seconds, compile_seconds = train(common.load("train"), options.steps, options.batch, options.compile)
    common.report(
        common.Run(
            "PyTorch, compiled" if options.compile else "PyTorch, eager", options.steps, options.batch, options.threads,
            seconds, compile_seconds, options.steps * options.batch / seconds, accuracy(p, common.load("t10k")),
            f"PyTorch {torch.__version__}"),
        options.json)


if __name__ == "__main__":
    main()
