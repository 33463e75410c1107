// Pooling: y = means of the bins of an image: of bytes / 255, or of numbers.

/// Bins of 2 x 2, which vectors can take side by side.
static void pool_pairs(float *y, const uint8_t *image, ptrdiff_t h, ptrdiff_t w) {
  for (ptrdiff_t r = 0; r < h; r++, y += w, image += 4 * w) {
    const uint8_t *above = image, *below = image + 2 * w;
    for (ptrdiff_t c = 0; c < w; c++) {
      int32_t bin = above[2 * c] + above[2 * c + 1] + below[2 * c] + below[2 * c + 1];
      y[c] = (float)bin / (255 * 4);
    }
  }
}

static void pool_bins(float *y, const uint8_t *image, ptrdiff_t H, ptrdiff_t W, ptrdiff_t h, ptrdiff_t w) {
  for (ptrdiff_t r = 0; r < h; r++) {
    const ptrdiff_t top = H * r / h, bottom = H * (r + 1) / h;
    for (ptrdiff_t c = 0, left = 0; c < w; c++) {
      const ptrdiff_t right = W * (c + 1) / w;
      int64_t bin = 0;
      for (ptrdiff_t i = top; i < bottom; i++) {
        for (ptrdiff_t j = left; j < right; j++) bin += image[i * W + j];
      }
      // The sum is exact, so the mean has one rounding.
      y[r * w + c] = (float)bin / (float)(255 * (bottom - top) * (right - left));
      left = right;
    }
  }
}

static void pooling_forward(float *y, const uint8_t *image, ptrdiff_t H, ptrdiff_t W, ptrdiff_t h, ptrdiff_t w) {
  if (H == 2 * h && W == 2 * w) {
    pool_pairs(y, image, h, w);
  } else if (H == h && W == w) {
    for (ptrdiff_t i = 0; i < H * W; i++) y[i] = (float)image[i] / 255;
  } else {
    pool_bins(y, image, H, W, h, w);
  }
}

static void pool_pairs_of_numbers(float *y, const float *image, ptrdiff_t h, ptrdiff_t w) {
  for (ptrdiff_t r = 0; r < h; r++, y += w, image += 4 * w) {
    VLM_FOR_VECTORS(c, part, w, {
      const ptrdiff_t first = least(2 * part, L), second = 2 * part - first;
      const float *above = image + 2 * c, *below = above + 2 * w;
      vf low = get(above, first) + get(below, first), high = {0};
      if (second > 0) high = get(above + L, second) + get(below + L, second);
      put(y + c, (VLM_EVEN(low, high) + VLM_ODD(low, high)) / 4, part);
    });
  }
}

static void pool_bins_of_numbers(float *y, const float *image, ptrdiff_t H, ptrdiff_t W, ptrdiff_t h, ptrdiff_t w) {
  for (ptrdiff_t r = 0; r < h; r++) {
    const ptrdiff_t top = H * r / h, bottom = H * (r + 1) / h;
    for (ptrdiff_t c = 0, left = 0; c < w; c++) {
      const ptrdiff_t right = W * (c + 1) / w;
      float bin = 0;
      for (ptrdiff_t i = top; i < bottom; i++) {
        for (ptrdiff_t j = left; j < right; j++) bin += image[i * W + j];
      }
      y[r * w + c] = bin / (float)((bottom - top) * (right - left));
      left = right;
    }
  }
}

static void pooling_numbers_forward(float *y, const float *image, ptrdiff_t H, ptrdiff_t W, ptrdiff_t h, ptrdiff_t w) {
  if (H == 2 * h && W == 2 * w) pool_pairs_of_numbers(y, image, h, w);
  else if (H == h && W == w) VLM_FOR_VECTORS(i, part, H * W, put(y + i, get(image + i, part), part););
  else pool_bins_of_numbers(y, image, H, W, h, w);
}
