// Softmax: of a row of scores, and the exponential that it is made of.

/// exp x for x <= 0, to 2 ulp (1.1 measured over a third of all floats); below -104 it is 0, NaN stays.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2, and exp x = 2^n exp r. With n whole and ln 2 = high + low, where `high` has 11
/// bits and n at most 8, x - n high is exact; exp r = 1 + r + r^2 q(r), where q of degree 4 interpolates at Chebyshev's
/// nodes: its relative error is 1.1e-8, 0.09 ulp, and the rest is rounding. 2^n is applied as 2^(n + 64), which is a
/// normal number, and 2^-64, since the result may be subnormal. Nothing underflows below -104, which would be slow.
VLM_INLINE vf exponential(vf x) {
  const float whole = 0x1.8p23f;  // added, it leaves the nearest integer in the low bits
  vf shifted = x * 0x1.715476p+0f + whole;
  vf n = shifted - whole;
  vf r = x - n * 0x1.62cp-1f;
  r -= n * 0x1.217f7ep-12f;
  vf q = 0x1.120ba2p-7f + r * 0x1.6d113cp-10f;
  q = 0x1.55551ap-5f + r * q;
  q = 0x1.5554dcp-3f + r * q;
  q = 0x1p-1f + r * q;
  vf y = 1 + (r + (r * r) * q);
  vf scaled = y * (vf)(((vi)shifted + (127 + 64)) << 23);  // the shift drops the bits of `whole`
  return choose(x < -104, (vf){0}, scaled) * 0x1p-64f;
}

/// probs = softmax(scores) of one row, which may be the same. Returns Σ exp(scores - max).
///
/// The part of a vector at the end stays in a register, filled up with -∞: what was stored in pieces is slow to load.
VLM_INLINE float softmax(float *probs, const float *scores, ptrdiff_t n, float *max) {
  if (n <= 0) return 0;
  const ptrdiff_t part = n % L, whole = n - part;
  vf last = part > 0 ? only(load_part(scores + whole, part), part, -INFINITY) : splat(-INFINITY);
  vf best = last;
  for (ptrdiff_t j = 0; j < whole; j += L) {
    // A NaN may be lost here: exp(NaN - largest) is NaN all the same.
    vf xj = load(scores + j);
    best = choose(xj > best, xj, best);
  }
  *max = largest_lane(best);
  last = part > 0 ? exponential(last - *max) : (vf){0};
  vf total = last;
  for (ptrdiff_t j = 0; j < whole; j += L) {
    vf e = exponential(load(scores + j) - *max);
    store(probs + j, e);
    total += e;
  }
  float z = sum(total), scale = 1 / z;
  for (ptrdiff_t j = 0; j < whole; j += L) store(probs + j, load(probs + j) * scale);
  if (part > 0) store_part(probs + whole, last * scale, part);
  return z;
}
