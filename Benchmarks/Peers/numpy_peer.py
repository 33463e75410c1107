"""The model in NumPy, Float64, with its gradient derived by hand.

One formulation serves a single image and a batch of n: all weights meet 2-D arrays of rows, only attention has more
dimensions. Only live positions are computed: vision positions have keys and values, and text positions up to the one
that predicts EOS have all the rest. Shorter names of a batch are padded; nothing that is live attends to padding, which
comes after it, and padding predicts nothing (its weight in the loss is 0), so no gradient passes through it.
"""

from __future__ import annotations

import time

import common
import numpy as np
from common import BETA1, BETA2, CLIP, EPSILON, FEATURE_CLIP, INPUTS, LENGTHS, RECON_WEIGHT, TARGETS, WEIGHTS

F, D, H = 28, 32, 4
NORM = 1e-8
Arrays = dict[str, np.ndarray]


def unit(v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """u = v / (|v| + 1e-8) by rows; also |v|, (n, 1)."""
    norm = np.sqrt(np.einsum("ij,ij->i", v, v))[:, None]
    return v / (norm + NORM), norm


def unit_backward(du: np.ndarray, v: np.ndarray, u: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """dv = (du - v/|v| (u.du)) / (|v| + 1e-8)."""
    return (du - v * (np.einsum("ij,ij->i", u, du)[:, None] / norm)) / (norm + NORM)


def rmsnorm(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y = s v by rows, s = 1 / sqrt(mean(v^2) + 1e-5)."""
    s = 1 / np.sqrt(np.einsum("ij,ij->i", v, v) * (1 / D) + 1e-5)[:, None]
    return v * s, s


def rmsnorm_backward(dy: np.ndarray, y: np.ndarray, s: np.ndarray) -> np.ndarray:
    """dv = s (dy - y mean(y dy))."""
    return (dy - y * (np.einsum("ij,ij->i", y, dy) * (1 / D))[:, None]) * s


def causal(n: int) -> np.ndarray:
    """(n, F + n): minus infinity where text position i may not look, which is at later text positions."""
    mask = np.zeros((n, F + n))
    mask[:, F:][np.triu_indices(n, 1)] = -np.inf
    return mask


MASKS = [causal(n) for n in range(common.LONGEST + 1)]


class Forward:
    """All that the forward pass computes; `logits` (B n, V)."""

    def __init__(self, w: Arrays, x: np.ndarray, tokens: np.ndarray):
        B, n = tokens.shape
        T = F + n
        # Vision features
        y = self.y = x @ w["pixels"].T
        self.v1, self.v2 = y[:, :10] * y[:, 10:20], y[:, 20:30] * y[:, 30:40]
        self.f1, self.norm1 = unit(self.v1)
        self.f2, self.norm2 = unit(self.v2)
        self.ta, self.tb = self.f1 @ w["tensor"][0].T, self.f2 @ w["tensor"][1].T
        c = self.c = np.empty((B, F), y.dtype)
        np.multiply(self.ta, self.tb, out=c[:, :12])
        np.multiply(y[:, 40:48], y[:, 48:56], out=c[:, 12:20])
        self.e01 = y[:, 56:64] * y[:, 64:72]
        np.multiply(self.e01, y[:, 72:80], out=c[:, 20:])
        self.f, self.normc = unit(c)
        self.lr = self.f @ w["vision"].T
        base = self.lr[:, :D] * self.lr[:, D:]
        # Embeddings
        e = np.empty((B, T, D), y.dtype)
        np.add(base[:, None], w["wpe"][:F], out=e[:, :F])
        np.add(w["wte"][tokens], w["wpe"][F:T], out=e[:, F:])
        self.h, self.sh = rmsnorm(e.reshape(B * T, D))
        # Attention
        self.a, self.sa = rmsnorm(self.h)
        self.atext = self.a.reshape(B, T, D)[:, F:].reshape(B * n, D)
        q = self.atext @ w["wqkv"][:D].T
        kv = self.a @ w["wqkv"][D:].T
        self.q = q.reshape(B, n, H, 2, 4).transpose(0, 2, 3, 1, 4)  # (B, H, 2, n, 4)
        kv = kv.reshape(B, T, 2, H, 8)
        self.k = kv[:, :, 0].reshape(B, T, H, 2, 4).transpose(0, 2, 3, 1, 4)  # (B, H, 2, T, 4)
        self.v = kv[:, :, 1].transpose(0, 2, 1, 3)  # (B, H, T, 8)
        self.scores = self.q @ self.k.swapaxes(3, 4)  # (B, H, 2, n, T)
        p = self.scores[:, :, 0] * self.scores[:, :, 1]
        p *= 1 / 8
        p += MASKS[n]
        p -= p.max(axis=3, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=3, keepdims=True)
        self.p = p
        self.o = (p @ self.v).transpose(0, 2, 1, 3).reshape(B * n, D)
        h1 = self.o @ w["wo"].T
        h1 += self.h.reshape(B, T, D)[:, F:].reshape(B * n, D)
        # MLP
        self.m, self.sm = rmsnorm(h1)
        self.r = self.m @ w["fc1"].T
        np.maximum(self.r, 0, out=self.r)
        self.h2 = self.r @ w["fc2"].T
        self.h2 += h1
        self.logits = self.h2 @ w["lm_head"].T


def reconstruction_backward(dy: np.ndarray, w: Arrays, s: Forward, x: np.ndarray, weight: float) -> np.ndarray | None:
    """The gradient of weight * sum over images of clip(r, 0, 10), r = n^T G n - 2 n.n + x.x, n = unit(g2),
    G = (L^ L^T) * (R^ R^T) with L^, R^ = C0, C1 with unit rows. It is 0 where the clip holds. The part through C0 x and
    C1 x is added to dy; the part through G is returned, (16, P), or None if no image has any.

    d r / d n = 2 G n - 4 n; d r / d G = n n^T; d L^ = 2 (dG * (R^ R^T)) L^, as dG and R^ R^T are symmetric.
    """
    g2 = s.c[:, 12:20]
    n, norm = unit(g2)
    rows = w["pixels"][40:56]
    units, norms = unit(rows)
    left, right = units[:8], units[8:]
    ll, rr = left @ left.T, right @ right.T
    gram = ll * rr
    gn = n @ gram
    value = np.einsum("ij,ij->i", gn - 2 * n, n) + np.einsum("ij,ij->i", x, x)
    live = (value > 0) & (value < 10)
    if not live.any():
        return None
    scale = (weight * live)[:, None]
    dn = scale * (2 * gn - 4 * n)
    dg2 = unit_backward(dn, g2, n, norm)
    dy[:, 40:48] += dg2 * s.y[:, 48:56]
    dy[:, 48:56] += dg2 * s.y[:, 40:48]
    dgram = n.T @ (scale * n)
    dunits = np.concatenate([2 * (dgram * rr) @ left, 2 * (dgram * ll) @ right])
    return unit_backward(dunits, rows, units, norms)


def backward(g: Arrays, w: Arrays, s: Forward, x: np.ndarray, tokens: np.ndarray, dlogits: np.ndarray, recon: float):
    """Overwrites g with the gradient that dlogits (B n, V) has, plus `recon` times that of the reconstruction errors."""
    B, n = tokens.shape
    T = F + n
    np.matmul(dlogits.T, s.h2, out=g["lm_head"])
    dh2 = dlogits @ w["lm_head"]
    # MLP
    np.matmul(dh2.T, s.r, out=g["fc2"])
    dr = dh2 @ w["fc2"]
    dr *= s.r > 0
    np.matmul(dr.T, s.m, out=g["fc1"])
    dh1 = rmsnorm_backward(dr @ w["fc1"], s.m, s.sm)
    dh1 += dh2
    # Attention
    np.matmul(dh1.T, s.o, out=g["wo"])
    do = (dh1 @ w["wo"]).reshape(B, n, H, 8).transpose(0, 2, 1, 3)
    dkv = np.empty((B, T, 2, H, 8), do.dtype)
    np.matmul(s.p.swapaxes(2, 3), do, out=dkv[:, :, 1].transpose(0, 2, 1, 3))
    dp = do @ s.v.swapaxes(2, 3)
    ds = dp * s.p
    ds -= s.p * ds.sum(axis=3, keepdims=True)
    ds *= 1 / 8
    dscores = ds[:, :, None] * s.scores[:, :, ::-1]  # each score's factor is the other half's
    dk = dkv[:, :, 0].reshape(B, T, H, 2, 4).transpose(0, 2, 3, 1, 4)
    np.matmul(dscores.swapaxes(3, 4), s.q, out=dk)
    dq = (dscores @ s.k).transpose(0, 3, 1, 2, 4).reshape(B * n, D)
    dkv = dkv.reshape(B * T, 2 * D)
    np.matmul(dq.T, s.atext, out=g["wqkv"][:D])
    np.matmul(dkv.T, s.a, out=g["wqkv"][D:])
    da = dkv @ w["wqkv"][D:]
    da.reshape(B, T, D)[:, F:] += (dq @ w["wqkv"][:D]).reshape(B, n, D)
    # Embeddings
    dh = rmsnorm_backward(da, s.a, s.sa)
    dh.reshape(B, T, D)[:, F:] += dh1.reshape(B, n, D)
    de = rmsnorm_backward(dh, s.h, s.sh).reshape(B, T, D)
    np.sum(de, axis=0, out=g["wpe"][:T])
    g["wpe"][T:] = 0
    one_hot = tokens.reshape(B * n, 1) == np.arange(common.VOCABULARY)
    np.matmul(one_hot.T.astype(de.dtype), de[:, F:].reshape(B * n, D), out=g["wte"])
    dbase = de[:, :F].sum(axis=1)
    # Vision features
    dlr = np.concatenate([dbase * s.lr[:, D:], dbase * s.lr[:, :D]], axis=1)
    np.matmul(dlr.T, s.f, out=g["vision"])
    dc = unit_backward(dlr @ w["vision"], s.c, s.f, s.normc)
    dta, dtb = dc[:, :12] * s.tb, dc[:, :12] * s.ta
    np.matmul(dta.T, s.f1, out=g["tensor"][0])
    np.matmul(dtb.T, s.f2, out=g["tensor"][1])
    dv1 = unit_backward(dta @ w["tensor"][0], s.v1, s.f1, s.norm1)
    dv2 = unit_backward(dtb @ w["tensor"][1], s.v2, s.f2, s.norm2)
    y = s.y
    dy = np.empty_like(y)
    np.multiply(dv1, y[:, 10:20], out=dy[:, :10])
    np.multiply(dv1, y[:, :10], out=dy[:, 10:20])
    np.multiply(dv2, y[:, 30:40], out=dy[:, 20:30])
    np.multiply(dv2, y[:, 20:30], out=dy[:, 30:40])
    np.multiply(dc[:, 12:20], y[:, 48:56], out=dy[:, 40:48])
    np.multiply(dc[:, 12:20], y[:, 40:48], out=dy[:, 48:56])
    de2 = dc[:, 20:] * y[:, 72:80]
    np.multiply(de2, y[:, 64:72], out=dy[:, 56:64])
    np.multiply(de2, y[:, 56:64], out=dy[:, 64:72])
    np.multiply(dc[:, 20:], s.e01, out=dy[:, 72:80])
    through_gram = reconstruction_backward(dy, w, s, x, recon) if recon else None
    np.matmul(dy.T, x, out=g["pixels"])
    if through_gram is not None:
        g["pixels"][40:56] += through_gram


def gradient(g: Arrays, w: Arrays, x: np.ndarray, labels: np.ndarray, recon: float = RECON_WEIGHT) -> None:
    """Overwrites g with the gradient of the mean over images of text + recon * reconstruction error.

    text is the mean over a name's letters and EOS of -log p; d text / d logits = (p - onehot) / letters.
    """
    B, n = len(x), LENGTHS[labels].max()
    tokens, targets = INPUTS[labels, :n], TARGETS[labels, :n]
    s = Forward(w, x, tokens)
    p = np.exp(s.logits - s.logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(B * n), targets.ravel()] -= 1
    p *= (WEIGHTS[labels, :n].reshape(B * n, 1) * (1 / B)).astype(p.dtype)
    backward(g, w, s, x, tokens, p, recon / B)


class Optimizer:
    """Adam over one flat vector, after the clips."""

    def __init__(self, p: np.ndarray):
        self.p, self.m, self.v = p, np.zeros_like(p), np.zeros_like(p)
        self.square, self.step_size = np.empty_like(p), np.empty_like(p)

    def clip(self, g: np.ndarray, s: int) -> None:
        """Scales g: each feature tensor's to norm 1, then all to norm 5, each by limit / (norm + 1e-8)."""
        views = common.views_of(g)
        pixels, tensor = views["pixels"], views["tensor"].reshape(2, -1)
        rest = g[pixels.size + tensor.size :]
        norms = np.sqrt(
            np.concatenate([
                np.add.reduceat(np.einsum("ij,ij->i", pixels, pixels), common.PIXEL_STARTS),
                np.einsum("ij,ij->i", tensor, tensor),
            ])
        )
        scales = np.where(norms > FEATURE_CLIP, FEATURE_CLIP / (norms + NORM), 1)
        total = np.sqrt(np.square(scales * norms).sum() + rest @ rest)
        if not np.isfinite(total):
            raise common.not_finite(s)
        if total > CLIP:
            scale = CLIP / (total + NORM)
            scales *= scale
            rest *= scale
        if (scales != 1).any():
            pixels *= np.repeat(scales[:9], common.PIXEL_COUNTS)[:, None]
            tensor *= scales[9:, None]

    def step(self, g: np.ndarray, s: int) -> None:
        """m, v follow g and g^2; p -= rate m^ / (sqrt(v^) + eps) with the bias corrections 1 - beta^(s+1)."""
        self.clip(g, s)
        m, v, square, step_size = self.m, self.v, self.square, self.step_size
        np.multiply(g, g, out=square)
        square *= 1 - BETA2
        v *= BETA2
        v += square
        g *= 1 - BETA1
        m *= BETA1
        m += g
        np.multiply(v, 1 / (1 - BETA2 ** (s + 1)), out=square)
        np.sqrt(square, out=square)
        square += EPSILON
        np.divide(m, square, out=step_size)
        step_size *= common.learning_rate(s) / (1 - BETA1 ** (s + 1))
        self.p -= step_size


def accuracy(w: Arrays, images: common.Images) -> float:
    right = 0
    for start in range(0, len(images.x), 500):
        labels = images.labels[start : start + 500]
        logits = Forward(w, images.x[start : start + 500], INPUTS[labels]).logits
        right += common.spelled_right(logits.reshape(len(labels), -1, common.VOCABULARY), labels).sum()
    return right / len(images.x)


def check_gradient(tensors: Arrays, x: np.ndarray, label: int, recon: float, copies: int = 1) -> Arrays:
    """The gradient of one image, or of a batch of copies of it, by tensor, in the type of x."""
    w = {name: array.astype(x.dtype) for name, array in common.arrays_of(tensors).items()}
    g = {name: np.full_like(array, np.nan) for name, array in w.items()}
    gradient(g, w, np.tile(x, (copies, 1)), np.full(copies, label), recon)
    return common.tensors_of(g)


def train(images: common.Images, steps: int, batch: int) -> tuple[Arrays, float]:
    """The trained arrays, and the seconds that training took."""
    p = common.flat_of(common.arrays_of(common.initial_tensors()))
    flat_gradient = np.empty_like(p)
    w, g = common.views_of(p), common.views_of(flat_gradient)
    optimizer = Optimizer(p)
    start = time.perf_counter()
    for s in range(steps):
        chosen = common.batch_indices(s, batch, len(images.x))
        gradient(g, w, images.x[chosen], images.labels[chosen])
        optimizer.step(flat_gradient, s)
    return w, time.perf_counter() - start


def main() -> None:
    options = common.arguments("The model in NumPy, Float64.")
    w, seconds = train(common.load("train"), options.steps, options.batch)
    common.report(
        common.Run(
            "NumPy", options.steps, options.batch, options.threads, seconds, 0.0,
            options.steps * options.batch / seconds, accuracy(w, common.load("t10k")), f"NumPy {np.__version__}"),
        options.json)


if __name__ == "__main__":
    main()
