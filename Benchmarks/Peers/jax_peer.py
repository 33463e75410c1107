"""The model in JAX, float32: forward written down, gradient by automatic differentiation, the whole step (gradient, clips,
Adam) in one jit with its state donated, and a scan over many steps in one jit.

Only live positions are computed, as in the NumPy peer. Names are padded to 6 positions, so that one compiled shape serves
all; nothing that is live attends to padding, and padding has weight 0 in the loss.
"""

from __future__ import annotations

import common  # first: it sets the thread limits

import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from common import BETA1, BETA2, CLIP, EPSILON, FEATURE_CLIP, RECON_WEIGHT

F, D, H = 28, 32, 4
N = common.LONGEST
NORM = 1e-8
Arrays = dict[str, jax.Array]

INPUTS, TARGETS = jnp.asarray(common.INPUTS), jnp.asarray(common.TARGETS)
WEIGHTS = jnp.asarray(common.WEIGHTS, jnp.float32)
MAY_LOOK = jnp.asarray(np.tril(np.ones((N, F + N), bool), F))


def unit(v: jax.Array) -> jax.Array:
    """v / (|v| + 1e-8) by rows."""
    return v / (jnp.sqrt(jnp.sum(v * v, axis=-1, keepdims=True)) + NORM)


def rmsnorm(v: jax.Array) -> jax.Array:
    """v / sqrt(mean(v^2) + 1e-5) by rows."""
    return v * jax.lax.rsqrt(jnp.mean(v * v, axis=-1, keepdims=True) + 1e-5)


def forward(w: Arrays, x: jax.Array, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Logits (B, 6, V) and the degree-2 direct features (B, 8) of images x (B, P) and tokens (B, 6)."""
    B, T = len(x), F + N
    # Vision features
    y = x @ w["pixels"].T
    f1, f2 = unit(y[:, :10] * y[:, 10:20]), unit(y[:, 20:30] * y[:, 30:40])
    t = (f1 @ w["tensor"][0].T) * (f2 @ w["tensor"][1].T)
    g2 = y[:, 40:48] * y[:, 48:56]
    g3 = y[:, 56:64] * y[:, 64:72] * y[:, 72:80]
    lr = unit(jnp.concatenate([t, g2, g3], axis=1)) @ w["vision"].T
    base = lr[:, :D] * lr[:, D:]
    # Embeddings
    one_hot = jax.nn.one_hot(tokens, common.VOCABULARY, dtype=x.dtype)
    e = jnp.concatenate([base[:, None] + w["wpe"][:F], one_hot @ w["wte"] + w["wpe"][F:T]], axis=1)
    h = rmsnorm(e)
    # Attention
    a = rmsnorm(h)
    q = (a[:, F:] @ w["wqkv"][:D].T).reshape(B, N, H, 2, 4)
    kv = a @ w["wqkv"][D:].T
    k = kv[:, :, :D].reshape(B, T, H, 2, 4)
    v = kv[:, :, D:].reshape(B, T, H, 8)
    scores = jnp.einsum("bqhci,bkhci->cbhqk", q, k)
    p = jax.nn.softmax(jnp.where(MAY_LOOK, scores[0] * scores[1] / 8, -jnp.inf))
    h = h[:, F:] + jnp.einsum("bhqk,bkhi->bqhi", p, v).reshape(B, N, D) @ w["wo"].T
    # MLP
    h = h + jax.nn.relu(rmsnorm(h) @ w["fc1"].T) @ w["fc2"].T
    return h @ w["lm_head"].T, g2


def reconstruction(w: Arrays, x: jax.Array, g2: jax.Array) -> jax.Array:
    """(B,): clip(n^T G n - 2 n.n + x.x, 0, 10), n = unit(g2), G = (L^ L^T) * (R^ R^T), L^, R^ = C0, C1 with unit rows."""
    n = unit(g2)
    left, right = unit(w["pixels"][40:48]), unit(w["pixels"][48:56])
    gram = (left @ left.T) * (right @ right.T)
    return jnp.clip(jnp.sum((n @ gram - 2 * n) * n, axis=1) + jnp.sum(x * x, axis=1), 0, 10)


def loss(w: Arrays, x: jax.Array, labels: jax.Array, recon: float) -> jax.Array:
    """The mean over images of text + recon * reconstruction error."""
    logits, g2 = forward(w, x, INPUTS[labels])
    picked = jax.nn.one_hot(TARGETS[labels], common.VOCABULARY, dtype=x.dtype)
    text = -jnp.sum(jnp.sum(jax.nn.log_softmax(logits) * picked, axis=2) * WEIGHTS[labels])
    if recon:
        text += recon * jnp.sum(reconstruction(w, x, g2))
    return text / len(x)


class State(NamedTuple):
    """Parameters and Adam's moments, each one vector: a call with 3 arrays costs much less than one with 30."""

    p: jax.Array
    m: jax.Array
    v: jax.Array


def arrays_in(flat: jax.Array) -> Arrays:
    """The arrays of common.LAYOUT in a vector."""
    ends = np.cumsum(list(common.SIZES.values()))
    parts = jnp.split(flat, ends[:-1])
    return {name: part.reshape(shape) for part, (name, (shape, _)) in zip(parts, common.LAYOUT.items())}


def clip(g: Arrays) -> tuple[Arrays, jax.Array]:
    """Each feature tensor's gradient to norm 1, then all to norm 5, each by limit / (norm + 1e-8). Also the last norm."""

    def scale(norm: jax.Array, limit: float) -> jax.Array:
        return jnp.where(norm > limit, limit / (norm + NORM), 1)

    rows = jnp.sum(g["pixels"] ** 2, axis=1)
    starts = common.PIXEL_STARTS
    norms = jnp.sqrt(jnp.stack([rows[i : i + n].sum() for i, n in zip(starts, common.PIXEL_COUNTS)]))
    tensor_norms = jnp.sqrt(jnp.sum(g["tensor"] ** 2, axis=(1, 2)))
    scales, tensor_scales = scale(norms, FEATURE_CLIP), scale(tensor_norms, FEATURE_CLIP)
    rest = sum(jnp.sum(g[name] ** 2) for name in g if name not in ("pixels", "tensor"))
    total = jnp.sqrt(jnp.sum((norms * scales) ** 2) + jnp.sum((tensor_norms * tensor_scales) ** 2) + rest)
    last = scale(total, CLIP)
    row_scales = jnp.concatenate([jnp.full(n, scales[i]) for i, n in enumerate(common.PIXEL_COUNTS)])
    clipped = {name: g[name] * last for name in g}
    clipped["pixels"] = g["pixels"] * (row_scales * last)[:, None]
    clipped["tensor"] = g["tensor"] * (tensor_scales * last)[:, None, None]
    return clipped, total


def step(state: State, s: jax.Array, x: jax.Array, labels: jax.Array, batch: int) -> tuple[State, jax.Array]:
    """Step s on the next `batch` images of all x and labels. Also the gradient's norm, which says if it is finite.

    m, v follow g and g^2; p -= rate m^ / (sqrt(v^) + eps) with the bias corrections 1 - beta^(s+1).
    """
    chosen = (s * batch + jnp.arange(batch)) % len(x) if batch > 1 else s % len(x) + jnp.arange(1)
    arrays, norm = clip(jax.grad(loss)(arrays_in(state.p), x[chosen], labels[chosen], RECON_WEIGHT))
    g = jnp.concatenate([arrays[name].ravel() for name in common.LAYOUT])
    rate = common.RATE * jnp.maximum(0, 1 - s / common.SCHEDULE_STEPS)
    rate_of_m = rate / (1 - BETA1 ** (s + 1))
    correction = 1 / (1 - BETA2 ** (s + 1))
    m = BETA1 * state.m + (1 - BETA1) * g
    v = BETA2 * state.v + (1 - BETA2) * g**2
    p = state.p - rate_of_m * m / (jnp.sqrt(v * correction) + EPSILON)
    return State(p, m, v), norm


def initial_state() -> State:
    p = jnp.asarray(common.flat_of(common.arrays_of(common.initial_tensors())), jnp.float32)
    return State(p, jnp.zeros_like(p), jnp.zeros_like(p))


def accuracy(w: Arrays, images: common.Images) -> float:
    spell = jax.jit(lambda x, labels: forward(w, x, INPUTS[labels])[0])
    right = 0
    for start in range(0, len(images.x), 500):
        labels = images.labels[start : start + 500]
        logits = spell(images.x[start : start + 500].astype(np.float32), labels)
        right += common.spelled_right(np.asarray(logits), labels).sum()
    return right / len(images.x)


def check_gradient(tensors: dict[str, np.ndarray], x: np.ndarray, label: int, recon: float, copies: int = 1):
    """The gradient of one image, or of a batch of copies of it, by tensor."""
    w = {name: jnp.asarray(array, jnp.float32) for name, array in common.arrays_of(tensors).items()}
    g = jax.jit(jax.grad(loss), static_argnums=3)(w, np.tile(x, (copies, 1)), np.full(copies, label), recon)
    return common.tensors_of(g)


def train(images: common.Images, steps: int, batch: int, scan: bool) -> tuple[Arrays, float, float]:
    """The trained arrays, the seconds that training took, and those that compilation took before."""
    x, labels = jax.device_put((images.x.astype(np.float32), images.labels.astype(np.int32)))
    state = jax.block_until_ready(initial_state())

    def all_steps(state: State, x: jax.Array, labels: jax.Array) -> tuple[State, jax.Array]:
        return jax.lax.scan(lambda state, s: step(state, s, x, labels, batch), state, jnp.arange(steps))

    start = time.perf_counter()
    if scan:
        run = jax.jit(all_steps, donate_argnums=0).lower(state, x, labels).compile()
    else:
        run = jax.jit(step, static_argnums=4, donate_argnums=0)
        # The first call compiles. It keeps the state it is given, so it has one of its own.
        counters = [jnp.int32(s) for s in range(steps)]
        jax.block_until_ready(run(initial_state(), counters[0], x, labels, batch))
    compile_seconds = time.perf_counter() - start

    start = time.perf_counter()
    if scan:
        state, norms = jax.block_until_ready(run(state, x, labels))
    else:
        norms = []
        for s in range(steps):
            state, norm = run(state, counters[s], x, labels, batch)
            norms.append(norm)
        jax.block_until_ready(state)
    seconds = time.perf_counter() - start
    finite = np.isfinite(np.asarray(norms))
    if not finite.all():
        raise common.not_finite(int(finite.argmin()))
    return arrays_in(state.p), seconds, compile_seconds


def main() -> None:
    options = common.arguments(
        "The model in JAX, float32.", ("--scan", "all steps in one lax.scan, not one jitted call for each"))
    w, seconds, compile_seconds = train(common.load("train"), options.steps, options.batch, options.scan)
    common.report(
        common.Run(
            "JAX, scan" if options.scan else "JAX, jit", options.steps, options.batch, options.threads, seconds,
            compile_seconds, options.steps * options.batch / seconds, accuracy(w, common.load("t10k")),
            f"JAX {jax.__version__}"),
        options.json)


if __name__ == "__main__":
    main()
