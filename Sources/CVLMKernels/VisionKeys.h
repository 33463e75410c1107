// VisionKeys: kv_ip = scale_ip (Wkv b_i + Wkv wpe_p), the vision positions' keys and values in the first layer.

/// From mean_p = |e_p|^2 / D for the F positions of an image, which is in rms: rms_p of e_p, and scale_p, one over the
/// product of both norms.
static void vision_scales(float *scale, float *rms, ptrdiff_t F) {
  VLM_FOR_VECTORS(p, part, F, {
    vf mean = get(rms + p, part);
    vf first = __builtin_elementwise_sqrt(mean + 1e-5f);
    vf second = __builtin_elementwise_sqrt(mean / (first * first) + 1e-5f);
    put(rms + p, first, part);
    put(scale + p, 1 / (first * second), part);
  });
}

static void vision_keys_forward(float *kv, float *scale, float *rms, float *projected, const float *base,
                                const float *wpe, const float *wkv, ptrdiff_t B, ptrdiff_t F, ptrdiff_t D) {
  forward_product(projected, 2 * D, base, D, wkv, B, D, 2 * D, 0);
  forward_product(projected + B * 2 * D, 2 * D, wpe, D, wkv, F, D, 2 * D, 0);
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

/// sums_i = Σ_p w_ip dkv_ip and, below the B images, sums_p = Σ_i w_ip dkv_ip; w = scale, or its inverse.
static void sum_keys(float *sums, const float *dkv, const float *scale, ptrdiff_t B, ptrdiff_t F, ptrdiff_t columns,
                     int inverse) {
  float *position_sums = sums + B * columns;
  if (B == 0) zero(position_sums, F * columns);
  for (ptrdiff_t i = 0; i < B; i++, sums += columns, dkv += F * columns, scale += F) {
    VLM_FOR_VECTORS(c, part, columns, {
      vf total = {0};
      for (ptrdiff_t p = 0; p < F; p++) {
        float *sp = position_sums + p * columns + c;
        vf weighted = (inverse ? 1 / scale[p] : scale[p]) * get(dkv + p * columns + c, part);
        total += weighted;
        put(sp, i > 0 ? get(sp, part) + weighted : weighted, part);
      }
      put(sums + c, total, part);
    });
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
    VLM_FOR_VECTORS(c, part, D, {
      vf total = {0};
      for (ptrdiff_t p = 0; p < F; p++) {
        float *dw = dwpe + p * D + c;
        vf pull = radial[p] * (get(base + c, part) + get(wpe + p * D + c, part));
        total += pull;
        put(dw, get(dw, part) - pull, part);
      }
      put(dbase + c, get(dbase + c, part) - total, part);
    });
  }
}
