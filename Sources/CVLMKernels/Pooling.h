// Pooling: y = means of the bins / 255, from the bytes of a square image.

/// Bins of 2 x 2, which vectors can take side by side.
static void pool_pairs(float *y, const uint8_t *image, ptrdiff_t side, ptrdiff_t size) {
  for (ptrdiff_t r = 0; r < size; r++, y += size, image += 2 * side) {
    const uint8_t *above = image, *below = image + side;
    for (ptrdiff_t c = 0; c < size; c++) {
      int32_t bin = above[2 * c] + above[2 * c + 1] + below[2 * c] + below[2 * c + 1];
      y[c] = (float)bin / (255 * 4);
    }
  }
}

static void pool_bins(float *y, const uint8_t *image, ptrdiff_t side, ptrdiff_t size) {
  for (ptrdiff_t r = 0; r < size; r++) {
    const ptrdiff_t top = side * r / size, bottom = side * (r + 1) / size;
    for (ptrdiff_t c = 0, left = 0; c < size; c++) {
      const ptrdiff_t right = side * (c + 1) / size;
      int64_t bin = 0;
      for (ptrdiff_t i = top; i < bottom; i++) {
        for (ptrdiff_t j = left; j < right; j++) bin += image[i * side + j];
      }
      // The sum is exact, so the mean has one rounding.
      y[r * size + c] = (float)bin / (float)(255 * (bottom - top) * (right - left));
      left = right;
    }
  }
}

static void pooling_forward(float *y, const uint8_t *image, ptrdiff_t side, ptrdiff_t size) {
  if (side == 2 * size) pool_pairs(y, image, side, size);
  else pool_bins(y, image, side, size);
}
