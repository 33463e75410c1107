// VisionProjection: images_i = Wkv b_i and positions_p = Wkv wpe_p, of which the vision positions' keys and values in
// the first layer are made: kv_ip = scale_ip (images_i + positions_p).

/// |base + wpe_p|^2 for `count` (a constant) positions.
VLM_INLINE v4 squares_of_sums(const float *base, const float *wpe, ptrdiff_t D, const int count) {
  vf s[4] = {0};
  VLM_FOR_VECTORS(c, part, D, {
    const vf b = get(base + c, part);
    for (int p = 0; p < count; p++) {
      const vf e = b + get(wpe + p * D + c, part);
      s[p] += e * e;
    }
  });
  return sums(s[0], s[1], s[2], s[3]);
}

/// scale_p of an image.
static void projection_scales(float *scale, const float *base, const float *wpe, ptrdiff_t F, ptrdiff_t D) {
  ptrdiff_t p = 0;
  for (; p + 4 <= F; p += 4) {
    const v4 squares = squares_of_sums(base, wpe + p * D, D, 4);
    __builtin_memcpy(scale + p, &squares, sizeof squares);
  }
  for (; p < F; p++) scale[p] = squares_of_sums(base, wpe + p * D, D, 1)[0];
  const float mean = 1 / (float)D;
  VLM_FOR_VECTORS(j, part, F, {
    const vf product = square_roots(get(scale + j, part) * mean * (1 + 1e-5f) + 1e-10f);
    put(scale + j, 1 / product, part);
  });
}

static void vision_projection_forward(float *images, float *positions, float *scale, const float *base,
                                      const float *wpe, const float *wkv, ptrdiff_t B, ptrdiff_t F, ptrdiff_t D) {
  forward_product(images, 2 * D, base, D, wkv, B, D, 2 * D, 0);
  forward_product(positions, 2 * D, wpe, D, wkv, F, D, 2 * D, 0);
  for (ptrdiff_t i = 0; i < B; i++) projection_scales(scale + i * F, base + i * D, wpe, F, D);
}

/// y += (Σ of n factors) x, of D components; factors are `apart`.
static void add_multiple(float *y, const float *x, const float *factors, ptrdiff_t apart, ptrdiff_t n, ptrdiff_t D) {
  float total = 0;
  for (ptrdiff_t i = 0; i < n; i++) total += factors[i * apart];
  VLM_FOR_VECTORS(c, part, D, put(y + c, get(y + c, part) + total * get(x + c, part), part););
}

static void vision_projection_backward(float *dwkv, float *dbase, float *dwpe, float *pull, const float *dimages,
                                       const float *dpositions, const float *published_images,
                                       const float *published_positions, const float *dscale, const float *scale,
                                       const float *base, const float *wpe, const float *wkv, ptrdiff_t B, ptrdiff_t F,
                                       ptrdiff_t D, int published) {
  matmul_backward_weight(dwkv, dimages, base, B, D, 2 * D, 1);
  matmul_backward_weight(dwkv, dpositions, wpe, F, D, 2 * D, 1);
  matmul_backward_input(dbase, published ? published_images : dimages, wkv, B, D, 2 * D, 0);
  matmul_backward_input(dwpe, published ? published_positions : dpositions, wkv, F, D, 2 * D, 1);
  if (published) return;
  // The scale is (m (1 + ε) + ε²)^-1/2 of m = |e|² / D: its derivative by e is -scale³ (1 + ε) e / D.
  const float mean = -(1 + 1e-5f) / (float)D;
  VLM_FOR_VECTORS(j, part, B * F, {
    const vf s = get(scale + j, part);
    put(pull + j, get(dscale + j, part) * (s * s * s) * mean, part);
  });
  // Σ pull_ip (base_i + wpe_p) over p, and over i.
  product(dbase, D, (left_factor){pull, F, 1}, wpe, D, B, F, D, 1);
  product(dwpe, D, (left_factor){pull, 1, F}, base, D, F, B, D, 1);
  for (ptrdiff_t i = 0; i < B; i++) add_multiple(dbase + i * D, base + i * D, pull + i * F, 1, F, D);
  for (ptrdiff_t p = 0; p < F; p++) add_multiple(dwpe + p * D, wpe + p * D, pull + p, F, B, D);
}
