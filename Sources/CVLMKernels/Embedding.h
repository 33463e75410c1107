// Embedding: a row is the sum of what is there (a vision base or a token) and of where it is.

VLM_INLINE void embed(float *e, const float *what, const float *where, ptrdiff_t D) {
  VLM_FOR_VECTORS(c, part, D, put(e + c, get(what + c, part) + get(where + c, part), part););
}

static void embedding_forward(float *e, const float *base, const int32_t *tokens, const int32_t *positions,
                              const float *wte, const float *wpe, ptrdiff_t B, ptrdiff_t F, ptrdiff_t n, ptrdiff_t D) {
  for (ptrdiff_t i = 0; i < B; i++) {
    for (ptrdiff_t p = 0; p < F; p++) embed(e + (i * F + p) * D, base + i * D, wpe + p * D, D);
  }
  for (ptrdiff_t j = 0; j < n; j++) embed(e + (B * F + j) * D, wte + tokens[j] * D, wpe + positions[j] * D, D);
}

static void embedding_backward(float *dwte, float *dwpe, float *dbase, const float *de, const int32_t *tokens,
                               const int32_t *positions, ptrdiff_t B, ptrdiff_t F, ptrdiff_t n, ptrdiff_t D,
                               ptrdiff_t V, ptrdiff_t W, int accumulate) {
  if (!accumulate) {
    zero(dwte, V * D);
    zero(dwpe, W * D);
  }
  for (ptrdiff_t i = 0; i < B; i++) {
    VLM_FOR_VECTORS(c, part, D, {
      vf total = {0};
      for (ptrdiff_t p = 0; p < F; p++) {
        vf dec = get(de + (i * F + p) * D + c, part);
        total += dec;
        put(dwpe + p * D + c, get(dwpe + p * D + c, part) + dec, part);
      }
      put(dbase + i * D + c, total, part);
    });
  }
  for (ptrdiff_t j = 0; j < n; j++) {
    add_row(dwte + tokens[j] * D, de + (B * F + j) * D, D);
    add_row(dwpe + positions[j] * D, de + (B * F + j) * D, D);
  }
}
