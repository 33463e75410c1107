// VisionKeys: kv_ip = scale_ip (Wkv b_i + Wkv wpe_p), the vision positions' keys and values in the first layer.

/// From mean_p = |e_p|^2 / D for the F positions of an image, which is in rms: rms_p of e_p, and scale_p, one over the
/// product of both norms.
static void vision_scales(float *scale, float *rms, ptrdiff_t F) {
  VLM_FOR_VECTORS(p, part, F, {
    vf mean = get(rms + p, part);
    vf first = square_roots(mean + 1e-5f);
    vf second = square_roots(mean / (first * first) + 1e-5f);
    put(rms + p, first, part);
    put(scale + p, 1 / (first * second), part);
  });
}

static void vision_keys_forward(float *kv, float *scale, float *rms, float *projected, const float *base,
                                const float *wpe, const float *wkv, ptrdiff_t B, ptrdiff_t F, ptrdiff_t D) {
  forward_by_panels(projected, 2 * D, base, B, wpe, F, D, wkv, D, 2 * D, 0);
  for (ptrdiff_t i = 0; i < B; i++, base += D, scale += F, rms += F, kv += F * 2 * D) {
    for (ptrdiff_t p = 0; p < F; p++) {
      vf squares = {0};
      VLM_FOR_VECTORS(c, part, D, {
        vf e = get(base + c, part) + get(wpe + p * D + c, part);
        squares += e * e;
      });
      rms[p] = sum(squares) / (float)D;
    }
    vision_scales(scale, rms, F);
    const float *left = projected + i * 2 * D, *right = projected + B * 2 * D;
    for (ptrdiff_t p = 0; p < F; p++, right += 2 * D) {
      VLM_FOR_VECTORS(c, part, 2 * D, {
        put(kv + p * 2 * D + c, scale[p] * (get(left + c, part) + get(right + c, part)), part);
      });
    }
  }
}

/// The vectors of columns that the sums over positions take at once: one alone would wait for its own last addition.
enum { SUM_VECTORS = 4 };

/// sums = Σ_p w_p dkv_p and position_sums_p = w_p dkv_p, or added to it, for `vectors` (a constant) vectors of columns.
VLM_INLINE void sum_columns(float *sums, float *position_sums, const float *dkv, const float *scale, ptrdiff_t F,
                            ptrdiff_t columns, int inverse, int add, const int vectors, ptrdiff_t part) {
  vf total[SUM_VECTORS] = {0};
  for (ptrdiff_t p = 0; p < F; p++, dkv += columns, position_sums += columns) {
    const float weight = inverse ? 1 / scale[p] : scale[p];
    for (int v = 0; v < vectors; v++) {
      vf weighted = weight * get(dkv + v * L, part);
      total[v] += weighted;
      put(position_sums + v * L, add ? get(position_sums + v * L, part) + weighted : weighted, part);
    }
  }
  for (int v = 0; v < vectors; v++) put(sums + v * L, total[v], part);
}

/// sums_i = Σ_p w_ip dkv_ip and, below the B images, sums_p = Σ_i w_ip dkv_ip; w = scale, or its inverse.
static void sum_keys(float *sums, const float *dkv, const float *scale, ptrdiff_t B, ptrdiff_t F, ptrdiff_t columns,
                     int inverse) {
  float *position_sums = sums + B * columns;
  if (B == 0) zero(position_sums, F * columns);
  for (ptrdiff_t i = 0; i < B; i++, sums += columns, dkv += F * columns, scale += F) {
    ptrdiff_t c = 0;
    for (; c + SUM_VECTORS * L <= columns; c += SUM_VECTORS * L) {
      sum_columns(sums + c, position_sums + c, dkv + c, scale, F, columns, inverse, i > 0, SUM_VECTORS, L);
    }
    for (; c < columns; c += L) {
      sum_columns(sums + c, position_sums + c, dkv + c, scale, F, columns, inverse, i > 0, 1, least(L, columns - c));
    }
  }
}

/// radial_p for the F positions of an image, from along_p = kv_p . dkv_p, in the same place.
static void vision_radials(float *radial, const float *scale, const float *rms, ptrdiff_t F, ptrdiff_t D) {
  VLM_FOR_VECTORS(p, part, F, {
    vf s = get(scale + p, part), r = get(rms + p, part);
    vf squares = s * s * (r * r - 1e-5f);
    put(radial + p, get(radial + p, part) * (s * s + (1 - squares) / (r * r)) * (1 / (float)D), part);
  });
}

/// With pull_p = radial_p (base + wpe_p): dwpe_p -= pull_p and dbase -= Σ_p pull_p, for F positions and `vectors` (a
/// constant) vectors of columns.
VLM_INLINE void pull_columns(float *dbase, float *dwpe, const float *radial, const float *base, const float *wpe,
                             ptrdiff_t F, ptrdiff_t D, const int vectors, ptrdiff_t part) {
  vf total[SUM_VECTORS] = {0};
  for (ptrdiff_t p = 0; p < F; p++, wpe += D, dwpe += D) {
    for (int v = 0; v < vectors; v++) {
      vf pull = radial[p] * (get(base + v * L, part) + get(wpe + v * L, part));
      total[v] += pull;
      put(dwpe + v * L, get(dwpe + v * L, part) - pull, part);
    }
  }
  for (int v = 0; v < vectors; v++) put(dbase + v * L, get(dbase + v * L, part) - total[v], part);
}

static void vision_keys_backward(float *dwkv, float *dbase, float *dwpe, float *sums, const float *dkv,
                                 const float *kv, const float *scale, const float *rms, const float *base,
                                 const float *wpe, const float *wkv, ptrdiff_t B, ptrdiff_t F, ptrdiff_t D,
                                 int published) {
  const ptrdiff_t columns = 2 * D;
  const float *position_sums = sums + B * columns;
  sum_keys(sums, dkv, scale, B, F, columns, 0);
  matmul_backward_weight(dwkv, sums, base, B, D, columns, 1);
  matmul_backward_weight(dwkv, position_sums, wpe, F, D, columns, 1);
  if (published) sum_keys(sums, dkv, scale, B, F, columns, 1);
  matmul_backward_input(dbase, sums, wkv, B, D, columns, 0);
  matmul_backward_input(dwpe, position_sums, wkv, F, D, columns, 1);
  if (published) return;
  float *radial = sums;  // whose numbers are used up, and F <= (B + F) 2 D
  const ptrdiff_t image = F * columns;
  for (ptrdiff_t i = 0; i < B; i++, base += D, dbase += D, scale += F, rms += F, kv += image, dkv += image) {
    for (ptrdiff_t p = 0; p < F; p++) radial[p] = dot(kv + p * columns, dkv + p * columns, columns);
    vision_radials(radial, scale, rms, F, D);
    ptrdiff_t c = 0;
    for (; c + SUM_VECTORS * L <= D; c += SUM_VECTORS * L) {
      pull_columns(dbase + c, dwpe + c, radial, base + c, wpe + c, F, D, SUM_VECTORS, L);
    }
    for (; c < D; c += L) pull_columns(dbase + c, dwpe + c, radial, base + c, wpe + c, F, D, 1, least(L, D - c));
  }
}
