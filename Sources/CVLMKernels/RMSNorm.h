// RMSNorm: y = x / rms, rms = sqrt(mean(x^2) + 1e-5).

static void rms_norm_forward(float *y, float *rms, const float *x, ptrdiff_t n, ptrdiff_t k) {
  for (ptrdiff_t i = 0; i < n; i++) {
    const float *xi = x + i * k;
    rms[i] = square_root(dot(xi, xi, k) / (float)k + 1e-5f);
    const float scale = 1 / rms[i];  // one division a row, not one a vector
    VLM_FOR_VECTORS(j, part, k, put(y + i * k + j, get(xi + j, part) * scale, part););
  }
}

static void rms_norm_backward(float *dx, const float *dy, const float *y, const float *rms, ptrdiff_t n, ptrdiff_t k,
                              int published, int accumulate) {
  for (ptrdiff_t i = 0; i < n; i++) {
    const float mean = published ? 0 : dot(y + i * k, dy + i * k, k) / (float)k;
    const float scale = published ? rms[i] : 1 / rms[i];
    VLM_FOR_VECTORS(j, part, k, {
      vf dyj = get(dy + i * k + j, part);
      vf dxj = published ? dyj * scale : (dyj - get(y + i * k + j, part) * mean) * scale;
      if (accumulate) dxj += get(dx + i * k + j, part);
      put(dx + i * k + j, dxj, part);
    });
  }
}
