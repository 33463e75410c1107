// VisionKeys: kv_ip = scale_ip (Wkv b_i + Wkv wpe_p), the vision positions' keys and values in the first layer.

static void vision_keys_forward(float *kv, float *scale, float *rms, float *projected, const float *base,
                                const float *wpe, const float *wkv, ptrdiff_t B, ptrdiff_t F, ptrdiff_t D) {
  forward_product(projected, 2 * D, base, D, rows_of(wkv, D), B, D, 2 * D, 0);
  forward_product(projected + B * 2 * D, 2 * D, wpe, D, rows_of(wkv, D), F, D, 2 * D, 0);
  for (ptrdiff_t i = 0; i < B; i++) {
    const float *bi = base + i * D, *left = projected + i * 2 * D;
    for (ptrdiff_t p = 0; p < F; p++) {
      const float *right = projected + (B + p) * 2 * D;
      ptrdiff_t row = i * F + p;
      vf squares = {0};
      VLM_FOR_VECTORS(c, part, D, {
        vf e = get(bi + c, part) + get(wpe + p * D + c, part);
        squares += e * e;
      });
      float mean = sum(squares) / (float)D;
      float first = __builtin_elementwise_sqrt(mean + 1e-5f);
      float second = __builtin_elementwise_sqrt(mean / (first * first) + 1e-5f);
      float s = 1 / (first * second);
      rms[row] = first;
      scale[row] = s;
      VLM_FOR_VECTORS(c, part, 2 * D, {
        put(kv + row * 2 * D + c, s * (get(left + c, part) + get(right + c, part)), part);
      });
    }
  }
}

/// sums_i = Σ_p w_ip dkv_ip and, below the B images, sums_p = Σ_i w_ip dkv_ip; w = scale, or its inverse.
static void sum_keys(float *sums, const float *dkv, const float *scale, ptrdiff_t B, ptrdiff_t F, ptrdiff_t columns,
                     int inverse) {
  zero(sums, (B + F) * columns);
  for (ptrdiff_t i = 0; i < B; i++) {
    for (ptrdiff_t p = 0; p < F; p++) {
      float *si = sums + i * columns, *sp = sums + (B + p) * columns;
      const float *row = dkv + (i * F + p) * columns;
      float w = inverse ? 1 / scale[i * F + p] : scale[i * F + p];
      VLM_FOR_VECTORS(c, part, columns, {
        vf weighted = w * get(row + c, part);
        put(si + c, get(si + c, part) + weighted, part);
        put(sp + c, get(sp + c, part) + weighted, part);
      });
    }
  }
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
  for (ptrdiff_t i = 0; i < B; i++) {
    for (ptrdiff_t p = 0; p < F; p++) {
      ptrdiff_t row = i * F + p;
      float s = scale[row], r = rms[row];
      float along = dot(kv + row * columns, dkv + row * columns, columns);
      float squares = s * s * (r * r - 1e-5f);
      float radial = along * (s * s + (1 - squares) / (r * r)) / (float)D;
      VLM_FOR_VECTORS(c, part, D, {
        float *db = dbase + i * D + c, *dw = dwpe + p * D + c;
        vf pull = radial * (get(base + i * D + c, part) + get(wpe + p * D + c, part));
        put(db, get(db, part) - pull, part);
        put(dw, get(dw, part) - pull, part);
      });
    }
  }
}
