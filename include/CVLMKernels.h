// KernelVLM's kernels in C: the catalogue of operations.
//
// Letters, the same everywhere:
//   n      rows: images of a block, or positions
//   k, m   inputs and outputs of a row
//   B      images of a block            P  pixels of an image
//   F      vision positions of an image S  text positions of an image
//   T      keys that a query may see, F + S
//   D      embedding width              H  heads          d  D / H
//   E      hidden width of the MLP      V  text tokens    R  degree of a product
// and, in Pooling and Augmentation alone,
//   H, W   rows and columns of an image
//
// Conventions:
// - float32, row-major. A weight is (outputs, inputs) and maps y = W x. Shapes stand behind the names.
// - Gradients are `d` + name: dy is the gradient of the loss by y.
// - An output is overwritten unless its entry says "adds"; with `accumulate` (0 or 1) the outputs that the entry names
//   are overwritten (0) or added into (1).
// - Operands do not overlap unless the entry says so, need no alignment, and belong to the caller. Sizes may be zero.
// - A function cannot fail, allocates nothing and keeps nothing. NaN and infinity pass through as IEEE 754 says.
// - `published` (0 or 1) chooses the gradient of the published program (github.com/sailfish009/purevlm), which differs
//   from the true one.
#ifndef CVLM_KERNELS_H
#define CVLM_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Whether a pointer may be NULL, which Clang knows how to say.
#if !defined(__clang__)
#define _Nonnull
#define _Nullable
#endif

/// What one Adam step needs besides the four buffers. correction1 = 1 / (1 - beta1^t), correction2 = 1 / (1 - beta2^t)
/// at step t = 1, 2, ...
typedef struct {
  float gradient_scale;
  float learning_rate;
  float beta1, beta2;
  float correction1, correction2;
  float epsilon;
  float weight_decay;
} vlm_adam_settings;

/// How far Augmentation moves an image at most: finite, and none below 0.
typedef struct {
  double rotation;  // degrees
  double shift;     // pixels
  double zoom;
  double shear;
  double elastic;  // pixels; 0 leaves the grid out
} vlm_augmentation;

/// A map and the windows over it: the top left corner of window (a, b) is at (stride a - padding, stride b - padding),
/// and what lies outside the map is 0.
typedef struct {
  ptrdiff_t height, width, channels;  // of the map: H, W, C'
  ptrdiff_t kernel, stride, padding;  // the side k of a window, the distance t of two, and p zeros around the map
  ptrdiff_t outputs;                  // C
} vlm_local_shape;

/// One operation a member. A table holds the same operations compiled for one instruction set.
typedef struct {
  // Augmentation: an image moved at random, by a draw that (seed, draw) alone decides

  /// y[r][c] = the image at (u, v), interpolated bilinearly, / 255; neighbours outside the image count as 0. With x = c,
  /// y = r, x' = x - (W - 1) / 2 and y' = y - (H - 1) / 2:
  ///   u = A00 x' + A01 y' + tx + (W - 1) / 2 + sum over i, j of w_i(y) w_j(x) gx[i][j];
  ///   v = A10 x' + A11 y' + ty + (H - 1) / 2 + sum over i, j of w_i(y) w_j(x) gy[i][j];
  ///   A = [[cos t, -sin t], [sin t, cos t]] [[zx, s], [0, zy]].
  /// gx and gy are control points, floor((H - 1) / 7) + 4 rows of floor((W - 1) / 7) + 4 columns. w is the cubic
  /// B-spline with knots every 7 pixels: with q = floor(y / 7) and t = (y mod 7 + 1/2) / 7
  ///   w_q = (1 - t)^3 / 6, w_q+1 = (3 t^3 - 6 t^2 + 4) / 6, w_q+2 = w_q+1 of 1 - t, w_q+3 = t^3 / 6, all others 0.
  /// Random words, of 64 bits that wrap around: with G = 0x9e3779b97f4a7c15, mix(z) the last step of SplitMix64 and
  /// key = mix(mix(seed + G) + draw), word k is mix(key + k G). A word gives two numbers in [-1, 1), a of its highest
  /// 24 bits and b of the next 24: bits / 2^23 - 1.
  ///   word 1: t = rotation a, s = shear b;  word 2: zx = 1 + zoom a, zy = 1 + zoom b;  word 3: tx = shift a,
  ///   ty = shift b;  word 4 + columns i + j: gx[i][j] = elastic a, gy[i][j] = elastic b.
  /// A and the shift are computed in double and rounded to float once, the rest in float. Settings of 0 give
  /// image / 255 exactly; a place that is NaN gives 0.
  /// y, image (H, W), (H + 2) (W + 2) <= 2^24. scratch: 2 (H + h + 11) (W + 32) numbers, h the rows of control points.
  /// No backward: images are data.
  void (*_Nonnull augmentation_forward)(float *_Nonnull y, const uint8_t *_Nonnull image, ptrdiff_t H, ptrdiff_t W,
                                        const vlm_augmentation *_Nonnull settings, uint64_t seed, uint64_t draw,
                                        float *_Nonnull scratch);

  // Pooling: an image becomes numbers in 0...1

  /// Bin r of h covers the rows floor(H r / h) ..< floor(H (r + 1) / h), columns likewise:
  ///   y = mean of the bin / 255.
  /// y (h, w); image (H, W); 1 <= h <= H, 1 <= w <= W. No backward: images are data.
  void (*_Nonnull pooling_forward)(float *_Nonnull y, const uint8_t *_Nonnull image, ptrdiff_t H, ptrdiff_t W,
                                   ptrdiff_t h, ptrdiff_t w);

  /// The same for an image of numbers, such as Augmentation gives: y = mean of the bin.  image (H, W).
  void (*_Nonnull pooling_numbers_forward)(float *_Nonnull y, const float *_Nonnull image, ptrdiff_t H, ptrdiff_t W,
                                           ptrdiff_t h, ptrdiff_t w);

  // Matmul

  /// Y = X Wᵀ.  y (n, m), x (n, k), w (m, k). accumulate: y.
  void (*_Nonnull matmul_forward)(float *_Nonnull y, const float *_Nonnull x, const float *_Nonnull w, ptrdiff_t n,
                                  ptrdiff_t k, ptrdiff_t m, int accumulate);

  /// dX = dY W.  dx (n, k), dy (n, m), w (m, k). accumulate: dx.
  void (*_Nonnull matmul_backward_input)(float *_Nonnull dx, const float *_Nonnull dy, const float *_Nonnull w,
                                         ptrdiff_t n, ptrdiff_t k, ptrdiff_t m, int accumulate);

  /// dW = dYᵀ X.  dw (m, k), dy (n, m), x (n, k). accumulate: dw.
  void (*_Nonnull matmul_backward_weight)(float *_Nonnull dw, const float *_Nonnull dy, const float *_Nonnull x,
                                          ptrdiff_t n, ptrdiff_t k, ptrdiff_t m, int accumulate);

  /// The same for m columns of a wider dy, whose rows are lddy apart: some rows of dW, so that threads can share them.
  void (*_Nonnull matmul_backward_weight_rows)(float *_Nonnull dw, const float *_Nonnull dy, ptrdiff_t lddy,
                                               const float *_Nonnull x, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m,
                                               int accumulate);

  // FeatureProduct: the kernel of degree R, as bilinear (R = 2) or trilinear (R = 3) features

  /// y = (W_0 x) * (W_1 x) * ... * (W_{R-1} x), element-wise.
  /// y (n, m), rows ldy apart; x (n, k); w (R, m, k). Keeps factors (n, R, m): factors[i][r] = W_r x_i.
  void (*_Nonnull feature_product_forward)(float *_Nonnull y, ptrdiff_t ldy, float *_Nonnull factors,
                                           const float *_Nonnull x, const float *_Nonnull w, ptrdiff_t n, ptrdiff_t k,
                                           ptrdiff_t m, ptrdiff_t R);

  /// dfactors[i][r] = dy_i * product of factors[i][s], s != r;  dW_r = dfactors[:][r]ᵀ X;  dX = sum over r of
  /// dfactors[:][r] W_r.
  /// dw (R, m, k), accumulate: dw; dx (n, k); either NULL if it is not wanted; dfactors (n, R, m); dy (n, m), rows lddy
  /// apart.
  void (*_Nonnull feature_product_backward)(float *_Nullable dw, float *_Nullable dx, float *_Nonnull dfactors,
                                            const float *_Nonnull dy, ptrdiff_t lddy, const float *_Nonnull factors,
                                            const float *_Nonnull x, const float *_Nonnull w, ptrdiff_t n, ptrdiff_t k,
                                            ptrdiff_t m, ptrdiff_t R, int accumulate);

  // TensorProduct: BAE x BAE, low-rank bilinear pooling of two inputs: the product of their projections, element-wise

  /// y = (A x1) * (B x2), element-wise.
  /// y (n, m), rows ldy apart; x1, x2 (n, k); a, b (m, k). Keeps factors (n, 2, m): A x1 and B x2.
  void (*_Nonnull tensor_product_forward)(float *_Nonnull y, ptrdiff_t ldy, float *_Nonnull factors,
                                          const float *_Nonnull x1, const float *_Nonnull x2, const float *_Nonnull a,
                                          const float *_Nonnull b, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m);

  /// With u = A x1, v = B x2: du = dy * v, dv = dy * u;  dA = duᵀ X1, dB = dvᵀ X2;  dX1 = dU A, dX2 = dV B.
  /// da, db (m, k), accumulate: da, db; dx1, dx2 (n, k); dfactors (n, 2, m): du and dv; dy (n, m), rows lddy apart.
  void (*_Nonnull tensor_product_backward)(float *_Nonnull da, float *_Nonnull db, float *_Nonnull dx1,
                                           float *_Nonnull dx2, float *_Nonnull dfactors, const float *_Nonnull dy,
                                           ptrdiff_t lddy, const float *_Nonnull factors, const float *_Nonnull x1,
                                           const float *_Nonnull x2, const float *_Nonnull a, const float *_Nonnull b,
                                           ptrdiff_t n, ptrdiff_t k, ptrdiff_t m, int accumulate);

  // LocalProduct: bilinear features of the windows of a map, with one weight for all places

  /// y_ab = (left window_ab) * (right window_ab), element-wise, for the places a < H', b < W' of each of n maps:
  ///   H' = floor((H + 2 p - k) / t) + 1, W' likewise; 0 if the window is larger than the map between its zeros.
  /// y (n, H', W', C); x (n, H, W, C'); w (2, C, k, k, C'): left, then right; k, t >= 1.
  /// Keeps factors (n, H', W', 2, C): left window_ab and right window_ab.
  /// scratch: with M = 2 C rounded up to a multiple of 32,
  ///   k k C' M numbers, and if p > 0 (H + 2 p) (W + 2 p) C' more.
  void (*_Nonnull local_product_forward)(float *_Nonnull y, float *_Nonnull factors, float *_Nonnull scratch,
                                         const float *_Nonnull x, const float *_Nonnull w, ptrdiff_t n,
                                         const vlm_local_shape *_Nonnull shape);

  /// With u, v = left window, right window:  du = dy * v, dv = dy * u;  dleft = sum of du windowᵀ over all places,
  /// dright likewise;  dwindow = leftᵀ du + rightᵀ dv, and dx the sum of what windows have at its place.
  /// dw (2, C, k, k, C'), accumulate: dw; dx (n, H, W, C'); either NULL if it is not wanted; dy as y; factors as
  /// forward kept them.
  /// scratch: as in forward and 12 C H' W' numbers more.
  void (*_Nonnull local_product_backward)(float *_Nullable dw, float *_Nullable dx, float *_Nonnull scratch,
                                          const float *_Nonnull dy, const float *_Nonnull factors,
                                          const float *_Nonnull x, const float *_Nonnull w, ptrdiff_t n,
                                          const vlm_local_shape *_Nonnull shape, int accumulate);

  // UnitNorm

  /// y = x / (|x| + 1e-8) for each row.  y, x (n, k); y may be x. Keeps norm (n): |x|.
  void (*_Nonnull unit_norm_forward)(float *_Nonnull y, float *_Nonnull norm, const float *_Nonnull x, ptrdiff_t n,
                                     ptrdiff_t k);

  /// dx = dy / (|x| + 1e-8) - y (y.dy) / |x|, without the second term where |x| = 0.
  /// published: dx = (dy - y (y.dy)) / (|x| + 1e-8).
  /// dx, dy, y (n, k); norm (n); dx may be dy.
  void (*_Nonnull unit_norm_backward)(float *_Nonnull dx, const float *_Nonnull dy, const float *_Nonnull y,
                                      const float *_Nonnull norm, ptrdiff_t n, ptrdiff_t k, int published);

  // RMSNorm

  /// y = x / rms, rms = sqrt(mean(x^2) + 1e-5) for each row.  y, x (n, k); y may be x. Keeps rms (n).
  void (*_Nonnull rms_norm_forward)(float *_Nonnull y, float *_Nonnull rms, const float *_Nonnull x, ptrdiff_t n,
                                    ptrdiff_t k);

  /// dx = (dy - y mean(y * dy)) / rms.  published: dx = dy * rms.
  /// dx, dy, y (n, k); rms (n). accumulate: dx; without it dx may be dy.
  void (*_Nonnull rms_norm_backward)(float *_Nonnull dx, const float *_Nonnull dy, const float *_Nonnull y,
                                     const float *_Nonnull rms, ptrdiff_t n, ptrdiff_t k, int published,
                                     int accumulate);

  // Embedding: F vision positions of every image of a block, then its text positions

  /// e[i F + p] = base[i] + wpe[p] for image i < B, p < F;  e[B F + j] = wte[tokens[j]] + wpe[positions[j]] for j < n.
  /// e (B F + n, D); base (B, D); tokens, positions (n); wte (V, D); wpe (positions of the model, D).
  void (*_Nonnull embedding_forward)(float *_Nonnull e, const float *_Nonnull base, const int32_t *_Nonnull tokens,
                                     const int32_t *_Nonnull positions, const float *_Nonnull wte,
                                     const float *_Nonnull wpe, ptrdiff_t B, ptrdiff_t F, ptrdiff_t n, ptrdiff_t D);

  /// dbase[i] = sum over p of de[i F + p];  dwpe[p] = sum over i of de[i F + p] and over j of de[B F + j] where
  /// positions[j] = p;  dwte[t] = sum over j of de[B F + j] where tokens[j] = t.
  /// dwte (V, D) and dwpe (W, D) are written whole. accumulate: dwte, dwpe.
  void (*_Nonnull embedding_backward)(float *_Nonnull dwte, float *_Nonnull dwpe, float *_Nonnull dbase,
                                      const float *_Nonnull de, const int32_t *_Nonnull tokens,
                                      const int32_t *_Nonnull positions, ptrdiff_t B, ptrdiff_t F, ptrdiff_t n,
                                      ptrdiff_t D, ptrdiff_t V, ptrdiff_t W, int accumulate);

  // Gather: rows that stand in several places

  /// y_i = x[index_i].  y (n, k); x (u, k); index (n).
  void (*_Nonnull gather_forward)(float *_Nonnull y, const float *_Nonnull x, const int32_t *_Nonnull index,
                                  ptrdiff_t n, ptrdiff_t k);

  /// dx[j] = sum over i of dy_i where index_i = j, in the order of i.  dx (u, k); dy (n, k); index (n).
  void (*_Nonnull gather_backward)(float *_Nonnull dx, const float *_Nonnull dy, const int32_t *_Nonnull index,
                                   ptrdiff_t n, ptrdiff_t u, ptrdiff_t k);

  // VisionProjection: what keys and values of the vision positions in the first layer are made of

  /// Position p of image i is base_i + wpe_p before the two norms, which only scale it: with m the mean of its squares,
  ///   scale_ip = 1 / sqrt(m (1 + 1e-5) + 1e-10), so kv_ip = scale_ip (images_i + positions_p), where
  ///   images_i = Wkv base_i, positions_p = Wkv wpe_p.
  /// images (B, 2 D), positions (F, 2 D), scale (B, F); base (B, D); wpe (F, D); wkv (2 D, D).
  void (*_Nonnull vision_projection_forward)(float *_Nonnull images, float *_Nonnull positions, float *_Nonnull scale,
                                             const float *_Nonnull base, const float *_Nonnull wpe,
                                             const float *_Nonnull wkv, ptrdiff_t B, ptrdiff_t F, ptrdiff_t D);

  /// With pull_ip = -dscale_ip scale_ip^3 (1 + 1e-5) / D:
  ///   dwkv += sum of dimages_i base_iᵀ + sum of dpositions_p wpe_pᵀ;
  ///   dbase_i = Wkvᵀ dimages_i + sum over p of pull_ip (base_i + wpe_p);
  ///   dwpe_p += Wkvᵀ dpositions_p + sum over i of pull_ip (base_i + wpe_p).
  /// published: dbase_i = Wkvᵀ published_images_i, dwpe_p += Wkvᵀ published_positions_p (see VisionAttention); else
  /// these may be NULL.
  /// dwkv (2 D, D), dwpe (F, D): adds into both; the others have the shapes of forward. pull (B, F) is scratch.
  void (*_Nonnull vision_projection_backward)(
      float *_Nonnull dwkv, float *_Nonnull dbase, float *_Nonnull dwpe, float *_Nonnull pull,
      const float *_Nonnull dimages, const float *_Nonnull dpositions, const float *_Nullable published_images,
      const float *_Nullable published_positions, const float *_Nonnull dscale, const float *_Nonnull scale,
      const float *_Nonnull base, const float *_Nonnull wpe, const float *_Nonnull wkv, ptrdiff_t B, ptrdiff_t F,
      ptrdiff_t D, int published);

  // VisionAttention: Attention, of degree R, over vision keys that are never made

  /// An image's vision keys and values are kv_ip = scale_ip (images_i + positions_p), as VisionProjection gives them.
  /// Neighbouring images whose text is the same are a run: they share queries, and keys and values of the text. Per
  /// head, with key and value of image and position in parts as q is, D_r = q_r . (image_r + position_r):
  ///   score of a vision key = scale_ip^R D_1 ... D_R / d^(R/2);  of a text key as in Attention;
  ///   y = sum over p of probs_p scale_ip (image's value + position's) + sum over j of probs_j v_j.
  /// runs (count, 3): the images of a run, its n queries and its S text positions, of which the queries are the last n,
  /// n <= S. q: n rows of D for each run; text: S rows (2, D) for each run; images (B, 2, D), scale (B, F): run after
  /// run; positions (F, 2, D). y: n rows of D for each image. W is a multiple of 16 and at least n H for every run.
  /// Keeps probs: for each image (F + S, W), where lane t H + h of a key's row is query t in head h: 0 where masked,
  /// unspecified in lanes beyond n H; and dots: for each run (F + S) R rows of W, for backward alone. Both are fastest
  /// where they begin at a multiple of 64 bytes.
  /// scratch: with M the least common multiple of H and 16, and S of the run with most text,
  ///   2 d M (F + S + 1) + d (W + 16) + F + 32 numbers.
  void (*_Nonnull vision_attention_forward)(float *_Nonnull y, float *_Nonnull probs, float *_Nonnull dots,
                                            float *_Nonnull scratch, const float *_Nonnull images,
                                            const float *_Nonnull positions, const float *_Nonnull scale,
                                            const float *_Nonnull q, const float *_Nonnull text,
                                            const int32_t *_Nonnull runs, ptrdiff_t count, ptrdiff_t F, ptrdiff_t D,
                                            ptrdiff_t H, ptrdiff_t R, ptrdiff_t W);

  /// With g_ip = dy . v_ip and x_ip = probs_p (g_ip - dy . y) scale_ip^R / d^(R/2), and G_r = x times all D but D_r:
  ///   dq_r = sum of G_r (image_r + position_r) over images and positions, and over the text as in Attention;
  ///   dimages_i = sum over p and queries of G_r q_r (its key) and of probs_p scale_ip dy (its value);
  ///   dpositions_p = the same over i and queries;
  ///   dscale_ip = sum over queries and heads of (probs_p g_ip + R x_ip D_1 ... D_R) / scale_ip.
  /// published: published_images and published_positions are dimages and dpositions with G_r / scale^2 and with
  /// probs / scale, since the published gradient of the two norms divides where it should multiply; else they may be NULL.
  /// dq, dtext, dimages, dpositions, dscale: as q, text, images, positions, scale; dy: as y. y, probs and
  /// dots are what forward gave, in all their lanes.
  /// scratch: as in forward and W (2 d + R + 2) + 16 F numbers more, and once or if published twice
  ///   2 d M (F + S + 1) + W (R (F + S + 1) + 1).
  void (*_Nonnull vision_attention_backward)(
      float *_Nonnull dq, float *_Nonnull dtext, float *_Nonnull dimages, float *_Nonnull dpositions,
      float *_Nonnull dscale, float *_Nullable published_images, float *_Nullable published_positions,
      float *_Nonnull scratch, const float *_Nonnull dy, const float *_Nonnull y, const float *_Nonnull probs,
      const float *_Nonnull dots, const float *_Nonnull images, const float *_Nonnull positions,
      const float *_Nonnull scale, const float *_Nonnull q, const float *_Nonnull text, const int32_t *_Nonnull runs,
      ptrdiff_t count, ptrdiff_t F, ptrdiff_t D, ptrdiff_t H, ptrdiff_t R, ptrdiff_t W, int published);

  // Attention of degree R: the score is a product of R dot products

  /// Per head, with q = [q_1 ... q_R], k = [k_1 ... k_R] in R parts of d/R components:
  ///   score_ij = (q_1,i . k_1,j) (q_2,i . k_2,j) ... / d^(R/2);  probs_i = softmax over j of score_ij;
  ///   y_i = sum over j of probs_ij v_j;  heads concatenated.
  /// R = 1 is dot attention, q.k / sqrt(d); R = 2 is tensor attention, (q1.k1)(q2.k2) / d. R divides d, 1 <= R <= 16.
  /// The keys are F of the vision positions, which every query sees, then S of the text, causal: the n queries are
  /// the last n of these S positions, so query i sees text keys 0 ... S - n + i.
  /// y, q (n, D); vision (F, 2, D) and text (S, 2, D): a row is a key and then its value. Keeps probs (H, n, T), 0 where
  /// masked, and if R > 1 the partial scores (R, H, n, T), q_r . k_r, unspecified where masked.
  void (*_Nonnull attention_forward)(float *_Nonnull y, float *_Nonnull probs, float *_Nullable partial_scores,
                                     const float *_Nonnull q, const float *_Nonnull vision, const float *_Nonnull text,
                                     ptrdiff_t n, ptrdiff_t F, ptrdiff_t S, ptrdiff_t D, ptrdiff_t H, ptrdiff_t R);

  /// dv_j = sum over i of probs_ij dy_i;  dprobs_ij = dy_i . v_j;
  /// dscore_ij = probs_ij (dprobs_ij - sum over l of probs_il dprobs_il) / d^(R/2);
  /// dq_r,i = sum over j of dscore_ij (product over s != r of q_s,i . k_s,j) k_r,j, and dk_r,j likewise.
  /// dq (n, D); dvision (F, 2, D), dtext (S, 2, D), accumulate: dvision, dtext (both written whole).
  void (*_Nonnull attention_backward)(float *_Nonnull dq, float *_Nonnull dvision, float *_Nonnull dtext,
                                      const float *_Nonnull dy, const float *_Nonnull probs,
                                      const float *_Nullable partial_scores, const float *_Nonnull q,
                                      const float *_Nonnull vision, const float *_Nonnull text, ptrdiff_t n, ptrdiff_t F,
                                      ptrdiff_t S, ptrdiff_t D, ptrdiff_t H, ptrdiff_t R, int accumulate);

  // MLP

  /// y = W2 relu(W1 x).  y, x (n, D); w1 (E, D); w2 (D, E). Keeps hidden (n, E): relu(W1 x). accumulate: y.
  void (*_Nonnull mlp_forward)(float *_Nonnull y, float *_Nonnull hidden, const float *_Nonnull x,
                               const float *_Nonnull w1, const float *_Nonnull w2, ptrdiff_t n, ptrdiff_t D,
                               ptrdiff_t E, int accumulate);

  /// dhidden = (dY W2) where hidden > 0, else 0;  dW2 = dYᵀ hidden;  dW1 = dhiddenᵀ X;  dX = dhidden W1.
  /// dx (n, D); dw1 (E, D), dw2 (D, E), accumulate: dw1, dw2; dhidden (n, E).
  void (*_Nonnull mlp_backward)(float *_Nonnull dx, float *_Nonnull dw1, float *_Nonnull dw2, float *_Nonnull dhidden,
                                const float *_Nonnull dy, const float *_Nonnull hidden, const float *_Nonnull x,
                                const float *_Nonnull w1, const float *_Nonnull w2, ptrdiff_t n, ptrdiff_t D,
                                ptrdiff_t E, int accumulate);

  // CrossEntropy

  /// probs_i = softmax(logits_i);  loss_i = -log probs_i[target_i], computed as log-sum-exp.
  /// published: loss_i = -log(probs_i[target_i] + 1e-10).
  /// loss (n); probs, logits (n, V); targets (n), each in 0 ..< V.
  void (*_Nonnull cross_entropy_forward)(float *_Nonnull loss, float *_Nonnull probs, const float *_Nonnull logits,
                                         const int32_t *_Nonnull targets, ptrdiff_t n, ptrdiff_t V, int published);

  /// dlogits_i = weight_i (probs_i - onehot(target_i)).  dlogits, probs (n, V), may be the same; weights (n).
  void (*_Nonnull cross_entropy_backward)(float *_Nonnull dlogits, const float *_Nonnull probs,
                                          const int32_t *_Nonnull targets, const float *_Nonnull weights, ptrdiff_t n,
                                          ptrdiff_t V);

  // Reconstruction: the error of rebuilding an image from its bilinear features, by the kernel trick

  /// With u = unit(g) and L^, R^ the unit rows of C_0, C_1, and G = (L^ L^ᵀ) * (R^ R^ᵀ):
  ///   value = clip(uᵀ G u - 2 u.u + x.x, 0, 10).
  /// value (n); g (n, m), rows ldg apart; x (n, P); c (2, m, P). Keeps unit (n, m), norm (n): |g|; row_norms (2, m): those
  /// of C; grams (2, m, m): L^ L^ᵀ, R^ R^ᵀ.
  void (*_Nonnull reconstruction_forward)(float *_Nonnull value, float *_Nonnull unit, float *_Nonnull norm,
                                          float *_Nonnull row_norms, float *_Nonnull grams,
                                          const float *_Nonnull g, ptrdiff_t ldg, const float *_Nonnull x,
                                          const float *_Nonnull c, ptrdiff_t n, ptrdiff_t P, ptrdiff_t m);

  /// With w_i = weights_i where 0 < value_i < 10, else 0:  du_i = w_i (2 G u_i - 4 u_i);  dG = sum of w_i u_i u_iᵀ;
  /// dL^ = 2 (dG * R^ R^ᵀ) L^, dR^ = 2 (dG * L^ L^ᵀ) R^;  then through unit to g and to the rows of C.
  /// dg (n, m), rows lddg apart, and dc (2, m, P): adds into both. rows and drows (2, m, P), and dgrams (2, m, m), are
  /// scratch.
  void (*_Nonnull reconstruction_backward)(float *_Nonnull dg, ptrdiff_t lddg, float *_Nonnull dc,
                                           float *_Nonnull rows, float *_Nonnull drows, float *_Nonnull dgrams,
                                           const float *_Nonnull weights, const float *_Nonnull value,
                                           const float *_Nonnull unit, const float *_Nonnull norm,
                                           const float *_Nonnull row_norms, const float *_Nonnull grams,
                                           const float *_Nonnull c, ptrdiff_t n, ptrdiff_t P, ptrdiff_t m);

  // Adam

  /// With g = gradient_scale * gradient:  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
  /// p -= learning_rate (correction1 m / (sqrt(correction2 v) + epsilon) + weight_decay p).
  /// Numbers below 2^-126, the least normal one, count as 0.
  /// p, m, v, gradient (n). One pass; adds into p, m, v.
  void (*_Nonnull adam_step)(float *_Nonnull p, float *_Nonnull m, float *_Nonnull v, const float *_Nonnull gradient,
                             ptrdiff_t n, const vlm_adam_settings *_Nonnull settings);

  /// The same for gradient = d xᵀ, which is not written.  p, m, v (rows, k); d (rows); x (k).
  void (*_Nonnull adam_step_outer)(float *_Nonnull p, float *_Nonnull m, float *_Nonnull v, const float *_Nonnull d,
                                   const float *_Nonnull x, ptrdiff_t rows, ptrdiff_t k,
                                   const vlm_adam_settings *_Nonnull settings);

  // Reduction

  /// The sum of x_i^2, in double. Infinite or NaN if an element is.  x (n).
  double (*_Nonnull squared_norm)(const float *_Nonnull x, ptrdiff_t n);

  /// y += x.  y, x (n).
  void (*_Nonnull add)(float *_Nonnull y, const float *_Nonnull x, ptrdiff_t n);
} vlm_kernels;

/// The instruction sets that the kernels are compiled for. The baseline is what every processor of the architecture has
/// (SSE2 on x86-64, NEON on arm64).
typedef enum { VLM_ISA_BASELINE = 0, VLM_ISA_AVX2 = 1, VLM_ISA_AVX512 = 2 } vlm_isa;

/// The kernels for one instruction set, or NULL if this processor or this build does not have it.
const vlm_kernels *_Nullable vlm_kernels_for(vlm_isa isa);

// Threads (OpenMP; a serial build runs everything on the caller)

/// 1 if built with OpenMP, 0 if serial.
int vlm_has_openmp(void);

/// Starts threads for the regions that the same thread will call, and returns how many they are, itself among them:
/// `threads`, or fewer if the system has not so many. OpenMP starts them otherwise when they are first needed, and ends
/// the process if it cannot: after this, regions of up to so many threads do not fail. It may end the process too, by
/// SIGABRT, SIGBUS or SIGSEGV, where the system has no shared memory for it. Where the process' addresses are limited, all
/// threads share one arena of malloc from then on.
int vlm_start_threads(int threads);

/// Calls body(context, i, thread) once for each i < count, on up to `threads` threads; thread < threads tells which.
/// Which thread gets which i depends on `threads` alone. Returns when all calls have returned.
void vlm_parallel(ptrdiff_t count, int threads, void (*_Nonnull body)(void *_Nullable context, ptrdiff_t i, int thread),
                  void *_Nullable context);

/// The three matmuls of a table with their rows of output shared by up to `threads` threads where the work is large
/// enough to pay; the same bits for any number of threads. Called from inside vlm_parallel they use the caller alone.
void vlm_matmul_forward(const vlm_kernels *_Nonnull kernels, int threads, float *_Nonnull y, const float *_Nonnull x,
                        const float *_Nonnull w, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m, int accumulate);
void vlm_matmul_backward_input(const vlm_kernels *_Nonnull kernels, int threads, float *_Nonnull dx,
                               const float *_Nonnull dy, const float *_Nonnull w, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m,
                               int accumulate);
void vlm_matmul_backward_weight(const vlm_kernels *_Nonnull kernels, int threads, float *_Nonnull dw,
                                const float *_Nonnull dy, const float *_Nonnull x, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m,
                                int accumulate);

// Memory

/// `bytes` bytes at the beginning of a cache line, to be given back to vlm_free. Never NULL: where there is no memory the
/// handler is called, which must end the process; without one it is aborted.
void *_Nonnull vlm_allocate(size_t bytes);
void vlm_free(void *_Nullable memory);

typedef void (*vlm_out_of_memory)(size_t bytes);
void vlm_on_out_of_memory(vlm_out_of_memory _Nullable handler);

// Elementary functions of the learning rate's schedule, of the random stream and of augmentation: the same bits on every
// processor, within one unit in the last place

/// x^n, for |x| <= 1.
double vlm_power(double x, uint64_t n);
/// The natural logarithm.
double vlm_log(double x);
/// The cosine and the sine of x in radians, for |x| <= 2^20; NaN beyond.
double vlm_cos(double x);
double vlm_sin(double x);

#if !defined(__clang__)
#undef _Nonnull
#undef _Nullable
#endif

#ifdef __cplusplus
}
#endif
#endif
