// The kernels without Swift: calls of every kind on every instruction set of this processor, compared with plain loops in
// double. Ends with 1 if a value is further off than rounding explains.
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "CVLMKernels.h"

static int failures = 0;

/// |found - expected| <= roundings * epsilon * scale, where scale is the sum of the magnitudes that were added.
static void check(const char *what, double found, double expected, double roundings, double scale) {
  if (fabs(found - expected) <= roundings * FLT_EPSILON * scale) return;
  printf("%s: %.9g, expected %.9g within %.3g\n", what, found, expected, roundings * FLT_EPSILON * scale);
  failures++;
}

/// Numbers in -1 ..< 1, the same each time.
static void fill(float *x, ptrdiff_t n, unsigned seed) {
  for (ptrdiff_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = (float)(seed >> 8) / (1 << 23) - 1;
  }
}

enum { N = 5, K = 37, M = 19 };

/// Y = X Wᵀ, written and then added: k products and sums each, and one more sum.
static void check_matmul(const vlm_kernels *kernels) {
  float x[N * K], w[M * K], y[N * M];
  fill(x, N * K, 1);
  fill(w, M * K, 2);
  kernels->matmul_forward(y, x, w, N, K, M, 0);
  kernels->matmul_forward(y, x, w, N, K, M, 1);
  for (int i = 0; i < N; i++) {
    for (int o = 0; o < M; o++) {
      double dot = 0, scale = 0;
      for (int c = 0; c < K; c++) {
        dot += (double)x[i * K + c] * w[o * K + c];
        scale += fabs((double)x[i * K + c] * w[o * K + c]);
      }
      check("matmul_forward", y[i * M + o], 2 * dot, K + 2, 2 * scale);
    }
  }
}

/// y = x / rms: the sum's roundings count half under the root, and then there are a mean, a root and two divisions.
static void check_rms_norm(const vlm_kernels *kernels) {
  float x[K], y[K], rms;
  fill(x, K, 3);
  kernels->rms_norm_forward(y, &rms, x, 1, K);
  double squares = 0;
  for (int c = 0; c < K; c++) squares += (double)x[c] * x[c];
  const double expected = sqrt(squares / K + 1e-5);
  check("rms", rms, expected, K / 2.0 + 4, expected);
  for (int c = 0; c < K; c++) check("rms_norm_forward", y[c], x[c] / expected, K / 2.0 + 6, fabs(x[c] / expected));
}

/// One image, two heads of width 4, 3 vision and 2 text positions. Scores have at most 4 d + 3 roundings, which a softmax
/// turns into an error of twice as much of the probability; its own exponential, sum and division, and the sum over the
/// T values, add at most 8 + 2 T.
static void check_attention(const vlm_kernels *kernels) {
  enum { F = 3, S = 2, D = 8, H = 2, d = D / H, T = F + S };
  float q[S * D], vision[F * 2 * D], text[S * 2 * D], y[S * D], probs[H * S * T], partial[2 * H * S * T];
  fill(q, S * D, 4);
  fill(vision, F * 2 * D, 5);
  fill(text, S * 2 * D, 6);
  kernels->attention_forward(y, probs, partial, q, vision, text, S, F, S, D, H, 2);
  for (int h = 0; h < H; h++) {
    for (int i = 0; i < S; i++) {
      double weight[T] = {0}, total = 0, magnitude = 0;
      for (int j = 0; j <= F + i; j++) {
        const float *key = (j < F ? vision + j * 2 * D : text + (j - F) * 2 * D) + h * d;
        double halves[2] = {0}, scales[2] = {0};
        for (int c = 0; c < d; c++) {
          halves[2 * c / d] += (double)q[i * D + h * d + c] * key[c];
          scales[2 * c / d] += fabs((double)q[i * D + h * d + c] * key[c]);
        }
        magnitude = fmax(magnitude, scales[0] * scales[1] / d);
        total += weight[j] = exp(halves[0] * halves[1] / d);
      }
      const double roundings = 2 * (4 * d + 3) * magnitude + 8 + 2 * T;
      for (int j = 0; j < T; j++) {
        check("probs", probs[(h * S + i) * T + j], weight[j] / total, roundings, weight[j] / total);
      }
      for (int c = 0; c < d; c++) {
        double sum = 0, scale = 0;
        for (int j = 0; j <= F + i; j++) {
          const float *value = (j < F ? vision + j * 2 * D : text + (j - F) * 2 * D) + D + h * d;
          sum += weight[j] / total * value[c];
          scale += fabs(weight[j] / total * value[c]);
        }
        check("attention_forward", y[i * D + h * d + c], sum, roundings + T, scale);
      }
    }
  }
}

/// loss = log Σ exp(logits) - logits[target], of numbers below 1: below 8 in all, and its gradient sums to 0.
static void check_cross_entropy(const vlm_kernels *kernels) {
  float logits[M], probs[M], dlogits[M], loss;
  const int32_t target = 7;
  const float weight = 0.5f;
  fill(logits, M, 7);
  kernels->cross_entropy_forward(&loss, probs, logits, &target, 1, M, 0);
  kernels->cross_entropy_backward(dlogits, probs, &target, &weight, 1, M);
  double total = 0;
  for (int t = 0; t < M; t++) total += exp(logits[t]);
  check("cross_entropy_forward", loss, log(total) - logits[target], M + 8, 8);
  for (int t = 0; t < M; t++) {
    const double p = exp(logits[t]) / total;
    check("cross_entropy_backward", dlogits[t], weight * (p - (t == target)), M + 12, 1);
  }
}

/// From moments of 0 the first step goes by learning_rate g / (|g| + epsilon).
static void check_adam(const vlm_kernels *kernels) {
  float p[K], m[K] = {0}, v[K] = {0}, gradient[K], before[K];
  fill(p, K, 8);
  fill(gradient, K, 9);
  memcpy(before, p, sizeof p);
  const vlm_adam_settings settings = {
      .gradient_scale = 1, .learning_rate = 0.01f, .beta1 = 0.9f, .beta2 = 0.999f,
      .correction1 = 1 / (1 - 0.9f), .correction2 = 1 / (1 - 0.999f), .epsilon = 1e-8f, .weight_decay = 0};
  kernels->adam_step(p, m, v, gradient, K, &settings);
  for (int i = 0; i < K; i++) {
    const double step = 0.01 * gradient[i] / (fabs((double)gradient[i]) + 1e-8);
    // The step has some 16 roundings, and 1 - 0.999f one of 0.001.
    check("adam_step", p[i], before[i] - step, 1, 0.01 * 32 + fabs((double)before[i]));
  }
  double squares = 0;
  for (int i = 0; i < K; i++) squares += (double)gradient[i] * gradient[i];
  check("squared_norm", kernels->squared_norm(gradient, K), squares, K * DBL_EPSILON / FLT_EPSILON, squares);
}

/// A 4 x 4 image in bins of 2 x 2: means over 255.
static void check_pooling(const vlm_kernels *kernels) {
  const uint8_t image[16] = {0, 0, 255, 255, 0, 0, 255, 255, 51, 51, 0, 0, 51, 51, 0, 0};
  const double expected[4] = {0, 1, 0.2, 0};
  float x[4];
  kernels->pooling_forward(x, image, 4, 4, 2, 2);
  for (int i = 0; i < 4; i++) check("pooling_forward", x[i], expected[i], 1, expected[i]);
  float pixels[16];
  for (int i = 0; i < 16; i++) pixels[i] = image[i] / 255.0f;
  kernels->pooling_numbers_forward(x, pixels, 4, 4, 2, 2);
  for (int i = 0; i < 4; i++) check("pooling_numbers_forward", x[i], expected[i], 5, expected[i]);
}

/// Without strength an image is what it is, over 255; and shifted out of sight it is black.
static void check_augmentation(const vlm_kernels *kernels) {
  const uint8_t image[6] = {0, 51, 102, 153, 204, 255};
  const vlm_augmentation none = {0}, far = {.shift = 1e9};
  float y[6], scratch[2 * (2 + 4 + 11) * (3 + 32)];
  kernels->augmentation_forward(y, image, 2, 3, &none, 1, 2, scratch);
  for (int i = 0; i < 6; i++) check("augmentation_forward", y[i], image[i] / 255.0, 1, image[i] / 255.0);
  kernels->augmentation_forward(y, image, 2, 3, &far, 1, 2, scratch);
  for (int i = 0; i < 6; i++) check("augmentation_forward", y[i], 0, 0, 0);
}

static void count(void *context, ptrdiff_t i, int thread) { ((int *)context)[i] += 1 + thread; }

/// What threads share: large enough to pay, and the same bits.
static void check_threads(const vlm_kernels *kernels, int threads) {
  enum { ROWS = 200, INNER = 128, OUT = 64 };
  static float x[ROWS * INNER], w[OUT * INNER], one[ROWS * OUT], several[ROWS * OUT];
  fill(x, ROWS * INNER, 10);
  fill(w, OUT * INNER, 11);
  vlm_matmul_forward(kernels, 1, one, x, w, ROWS, INNER, OUT, 0);
  vlm_matmul_forward(kernels, threads, several, x, w, ROWS, INNER, OUT, 0);
  if (memcmp(one, several, sizeof one) != 0) {
    printf("vlm_matmul_forward: other bits on %d threads\n", threads);
    failures++;
  }
  int calls[10] = {0};
  vlm_parallel(10, threads, count, calls);
  for (int i = 0; i < 10; i++) check("vlm_parallel", calls[i], 1 + i % threads, 0, 0);
}

int main(void) {
  const char *const names[] = {"baseline", "avx2", "avx512"};
  const int threads = vlm_start_threads(3);
  for (vlm_isa isa = VLM_ISA_BASELINE; isa <= VLM_ISA_AVX512; isa++) {
    const vlm_kernels *kernels = vlm_kernels_for(isa);
    if (!kernels) {
      printf("%s: this processor does not have it\n", names[isa]);
      continue;
    }
    check_matmul(kernels);
    check_rms_norm(kernels);
    check_attention(kernels);
    check_cross_entropy(kernels);
    check_adam(kernels);
    check_pooling(kernels);
    check_augmentation(kernels);
    check_threads(kernels, threads);
    printf("%s: checked\n", names[isa]);
  }
  printf("OpenMP: %s, threads: %d, values that are wrong: %d\n", vlm_has_openmp() ? "yes" : "no", threads, failures);
  return failures > 0;
}
