// LocalProduct: y = (left · window) (right · window) at every place of a map, with one weight for all places.
//
// As matrices, with a row for each place:  Z = windows Wᵀ,  dWᵀ = windowsᵀ dZ,  dwindows = dZ W.
//
// No window is copied: it is k pieces of k C' neighbouring numbers, each a line of the map below the one before, and so
// known by its beginning. Only a map with padding is copied, between zeros. Nor are gradients of windows kept: those at
// one place of several maps do not overlap, so their product is added to dx itself.
//
// A dot product is summed in the order of the window, dW in the order of places, and dx place after place.

enum {
  // Windows at a time. Their factors stay in the first-level cache, and dW is loaded and stored once for all of them.
  BLOCK_PLACES = 144,
};

/// What follows from a shape.
typedef struct {
  ptrdiff_t rows, columns, places, window, inputs;
  /// k C', and what rows of windows and windows of a row are apart in the map.
  ptrdiff_t piece, down, right;
  /// Of the map between zeros.
  ptrdiff_t line, map;
} local_sizes;

static local_sizes sizes_of(const vlm_local_shape *s) {
  const ptrdiff_t height = s->height + 2 * s->padding, width = s->width + 2 * s->padding;
  local_sizes z = {.line = width * s->channels, .piece = s->kernel * s->channels};
  z.rows = height < s->kernel ? 0 : (height - s->kernel) / s->stride + 1;
  z.columns = width < s->kernel ? 0 : (width - s->kernel) / s->stride + 1;
  z.places = z.rows * z.columns;
  z.window = s->kernel * z.piece;
  z.inputs = s->height * s->width * s->channels;
  z.down = s->stride * z.line;
  z.right = s->stride * s->channels;
  z.map = height * z.line;
  return z;
}

/// Rows of the next tile, so that all are nearly equal.
VLM_INLINE ptrdiff_t even_rows(ptrdiff_t left) {
  const ptrdiff_t tiles = (left + TILE_ROWS - 1) / TILE_ROWS;
  return (left + tiles - 1) / tiles;
}

/// at_i = the beginning of window `first` + i, counted through all maps, for i < count.
static void find_windows(const float **at, const float *maps, const local_sizes *z, ptrdiff_t first, ptrdiff_t count) {
  ptrdiff_t image = first / z->places, a = first % z->places / z->columns, b = first % z->columns;
  for (ptrdiff_t i = 0; i < count; b = 0) {
    const float *window = maps + image * z->map + a * z->down + b * z->right;
    for (const ptrdiff_t end = least(count, i + z->columns - b); i < end; i++, window += z->right) at[i] = window;
    if (++a == z->rows) {
      a = 0;
      image++;
    }
  }
}

/// The map of x between zeros, which `padded` has already.
static void pad(float *padded, const float *x, const vlm_local_shape *s, const local_sizes *z) {
  const ptrdiff_t row = s->width * s->channels;
  padded += s->padding * (z->line + s->channels);
  for (ptrdiff_t r = 0; r < s->height; r++) __builtin_memcpy(padded + r * z->line, x + r * row, sizeof(float) * row);
}

/// Z_i[:] = Σ_t window_i[t] panel[t][:] for `live` windows, at most TILE_ROWS, and for `vectors` (a constant)
/// of columns; the last one has `last`.
VLM_INLINE void window_tile(float *factors, ptrdiff_t width, const float *const *at, const float *panel,
                            const vlm_local_shape *shape, const local_sizes *z, ptrdiff_t live, const int vectors,
                            ptrdiff_t last) {
  const float *window[TILE_ROWS];
  vf s[TILE_ROWS][TILE_VECTORS] = {0};
  for (int r = 0; r < TILE_ROWS; r++) window[r] = at[least(r, live - 1)];
  for (ptrdiff_t piece = 0; piece < shape->kernel; piece++) {
    for (ptrdiff_t t = 0; t < z->piece; t++, panel += TILE_COLUMNS) {
      vf w[TILE_VECTORS];
      for (int v = 0; v < vectors; v++) w[v] = load(panel + v * L);
      for (int r = 0; r < TILE_ROWS; r++) {
        const vf entry = splat(window[r][t]);
        for (int v = 0; v < vectors; v++) s[r][v] += entry * w[v];
      }
    }
    for (int r = 0; r < TILE_ROWS; r++) window[r] += z->line;
  }
  for (int r = 0; r < TILE_ROWS; r++) {
    if (r == live) break;
    for (int v = 0; v < vectors; v++) put(factors + r * width + v * L, s[r][v], v + 1 < vectors ? L : last);
  }
}

/// Z = windows Wᵀ for `count` windows, and y = left * right.
static void windows_forward(float *y, float *factors, const float *const *at, const float *panels,
                            const vlm_local_shape *shape, const local_sizes *z, ptrdiff_t count) {
  const ptrdiff_t C = shape->outputs, width = 2 * C;
  for (ptrdiff_t i = 0; i < count; i += TILE_ROWS) {
    const ptrdiff_t live = least(TILE_ROWS, count - i);
    for (ptrdiff_t c = 0; c < width; c += TILE_COLUMNS) {
      float *to = factors + i * width + c;
      const float *panel = panels + c * z->window;
      if (width - c > L) {
        window_tile(to, width, at + i, panel, shape, z, live, 2, least(TILE_COLUMNS, width - c) - L);
      } else {
        window_tile(to, width, at + i, panel, shape, z, live, 1, width - c);
      }
    }
  }
  for (ptrdiff_t i = 0; i < count; i++, y += C, factors += width) {
    VLM_FOR_VECTORS(c, part, C, put(y + c, get(factors + c, part) * get(factors + C + c, part), part););
  }
}

static void local_product_forward(float *y, float *factors, float *scratch, const float *x, const float *w,
                                  ptrdiff_t n, const vlm_local_shape *shape) {
  const local_sizes z = sizes_of(shape);
  const ptrdiff_t C = shape->outputs, maps = shape->padding > 0 ? 1 : n;
  const float *at[BLOCK_PLACES];
  float *padded = scratch;
  if (shape->padding > 0) {
    zero(padded, z.map);
    scratch += z.map;
  }
  for (ptrdiff_t c = 0; c < 2 * C; c += TILE_COLUMNS) {
    pack(scratch + c * z.window, w + c * z.window, z.window, least(TILE_COLUMNS, 2 * C - c), z.window);
  }
  for (ptrdiff_t i = 0; i < n; i += maps, x += maps * z.inputs) {
    if (shape->padding > 0) pad(padded, x, shape, &z);
    for (ptrdiff_t first = 0; first < maps * z.places; first += BLOCK_PLACES) {
      const ptrdiff_t count = least(BLOCK_PLACES, maps * z.places - first), place = i * z.places + first;
      find_windows(at, shape->padding > 0 ? padded : x, &z, first, count);
      windows_forward(y + place * C, factors + place * 2 * C, at, scratch, shape, &z, count);
    }
  }
}

/// dZ: the gradient of each factor is dy times the other one, for `count` places.
static void factors_backward(float *dfactors, const float *dy, const float *factors, ptrdiff_t count, ptrdiff_t C) {
  for (ptrdiff_t i = 0; i < count; i++, dfactors += 2 * C, dy += C, factors += 2 * C) {
    VLM_FOR_VECTORS(c, part, C, {
      const vf dyc = get(dy + c, part), left = get(factors + c, part), right = get(factors + C + c, part);
      put(dfactors + c, dyc * right, part);
      put(dfactors + C + c, dyc * left, part);
    });
  }
}

/// dWᵀ[r][:] += Σ_i window_i[offset_r] dZ_i[:] for `rows` x `vectors` (constants); the last one has `last` columns.
VLM_INLINE void entry_tile(float *dwt, ptrdiff_t width, const float *const *at, const float *dfactors,
                           const ptrdiff_t *offset, ptrdiff_t count, const int rows, const int vectors,
                           ptrdiff_t last) {
  vf s[TILE_ROWS][TILE_VECTORS];
  ptrdiff_t entry[TILE_ROWS];
  for (int r = 0; r < rows; r++) {
    entry[r] = offset[r];
    for (int v = 0; v < vectors; v++) s[r][v] = get(dwt + r * width + v * L, v + 1 < vectors ? L : last);
  }
  for (ptrdiff_t i = 0; i < count; i++, dfactors += width) {
    vf dz[TILE_VECTORS];
    for (int v = 0; v < vectors; v++) dz[v] = get(dfactors + v * L, v + 1 < vectors ? L : last);
    for (int r = 0; r < rows; r++) {
      const vf x = splat(at[i][entry[r]]);
      for (int v = 0; v < vectors; v++) s[r][v] += x * dz[v];
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) put(dwt + r * width + v * L, s[r][v], v + 1 < vectors ? L : last);
  }
}

/// A tile whose number of columns is met at run time.
VLM_INLINE void entry_rows(float *dwt, ptrdiff_t width, const float *const *at, const float *dfactors,
                           const ptrdiff_t *offset, ptrdiff_t count, const int rows, ptrdiff_t columns) {
  if (columns >= TILE_COLUMNS) entry_tile(dwt, width, at, dfactors, offset, count, rows, 2, L);
  else if (columns > L) entry_tile(dwt, width, at, dfactors, offset, count, rows, 2, columns - L);
  else if (columns == L) entry_tile(dwt, width, at, dfactors, offset, count, rows, 1, L);
  else entry_tile(dwt, width, at, dfactors, offset, count, rows, 1, columns);
}

/// dWᵀ += windowsᵀ dZ for `count` windows.
static void windows_backward(float *dwt, const float *const *at, const float *dfactors, const local_sizes *z,
                             ptrdiff_t count, ptrdiff_t width) {
  ptrdiff_t offset[TILE_ROWS];
  for (ptrdiff_t t = 0, rows = 0; t < z->window; t += rows) {
    rows = even_rows(z->window - t);
    for (ptrdiff_t r = 0; r < rows; r++) offset[r] = (t + r) / z->piece * z->line + (t + r) % z->piece;
    for (ptrdiff_t c = 0; c < width; c += TILE_COLUMNS) {
      float *to = dwt + t * width + c;
      const float *dz = dfactors + c;
      switch (rows) {
      case 1: entry_rows(to, width, at, dz, offset, count, 1, width - c); break;
      case 2: entry_rows(to, width, at, dz, offset, count, 2, width - c); break;
      case 3: entry_rows(to, width, at, dz, offset, count, 3, width - c); break;
      case 4: entry_rows(to, width, at, dz, offset, count, 4, width - c); break;
      case 5: entry_rows(to, width, at, dz, offset, count, 5, width - c); break;
      default: entry_rows(to, width, at, dz, offset, count, 6, width - c); break;
      }
    }
  }
}

/// dx[windows at place (a, b)] += dZ W for `images` maps: no two of these windows overlap.
static void place_backward(float *dx, const float *dfactors, const float *w, const vlm_local_shape *s,
                           const local_sizes *z, ptrdiff_t a, ptrdiff_t b, ptrdiff_t images) {
  const ptrdiff_t top = a * s->stride - s->padding, left = b * s->stride - s->padding, width = 2 * s->outputs;
  const ptrdiff_t above = top < 0 ? -top : 0, before = left < 0 ? -left : 0;
  const ptrdiff_t columns = least(s->kernel, s->width - left) - before;
  for (ptrdiff_t r = above; columns > 0 && r < least(s->kernel, s->height - top); r++) {
    float *to = dx + ((top + r) * s->width + left + before) * s->channels;
    product(to, z->inputs, (left_factor){dfactors, z->places * width, 1}, w + r * z->piece + before * s->channels,
            z->window, images, width, columns * s->channels, 1);
  }
}

/// dw (width, window) = its transpose dwt, or added to it.
static void turn_weights(float *dw, const float *dwt, ptrdiff_t window, ptrdiff_t width, int accumulate) {
  VLM_FOR_VECTORS(t, part, window, {
    const float *entries[L];
    for (ptrdiff_t e = 0; e < L; e++) entries[e] = dwt + (t + least(e, part - 1)) * width;
    for (ptrdiff_t o = 0; o < width; o += 4) {
      vf rows[4];
      transpose(rows, entries, o);
      for (ptrdiff_t r = 0; r < 4 && o + r < width; r++) {
        float *to = dw + (o + r) * window + t;
        put(to, accumulate ? get(to, part) + rows[r] : rows[r], part);
      }
    }
  });
}

static void local_product_backward(float *dw, float *dx, float *scratch, const float *dy, const float *factors,
                                   const float *x, const float *w, ptrdiff_t n, const vlm_local_shape *shape,
                                   int accumulate) {
  const local_sizes z = sizes_of(shape);
  const ptrdiff_t C = shape->outputs, width = 2 * C;
  const float *at[BLOCK_PLACES];
  float *padded = scratch, *dwt = padded + (shape->padding > 0 ? z.map : 0), *dfactors = dwt + width * z.window;
  if (dw && shape->padding > 0) zero(padded, z.map);
  if (dw) zero(dwt, width * z.window);
  if (dx) zero(dx, n * z.inputs);
  for (ptrdiff_t i = 0, images = 0; i < n; i += images) {
    images = even_rows(n - i);
    const ptrdiff_t maps = shape->padding > 0 ? 1 : images;
    for (ptrdiff_t j = 0; j < images; j += maps) {
      const float *map = x + (i + j) * z.inputs;
      if (dw && shape->padding > 0) pad(padded, map, shape, &z);
      for (ptrdiff_t first = 0; first < maps * z.places; first += BLOCK_PLACES) {
        const ptrdiff_t count = least(BLOCK_PLACES, maps * z.places - first), place = (i + j) * z.places + first;
        float *dz = dfactors + (j * z.places + first) * width;
        factors_backward(dz, dy + place * C, factors + place * width, count, C);
        if (!dw) continue;
        find_windows(at, shape->padding > 0 ? padded : map, &z, first, count);
        windows_backward(dwt, at, dz, &z, count, width);
      }
    }
    for (ptrdiff_t p = 0; dx && p < z.places; p++) {
      place_backward(dx + i * z.inputs, dfactors + p * width, w, shape, &z, p / z.columns, p % z.columns, images);
    }
  }
  if (dw) turn_weights(dw, dwt, z.window, width, accumulate);
}
