// Elementary functions in double whose bits are the same on every processor: only the operations that IEEE 754 rounds
// correctly, in an order that no compiler may change.
#include "CVLMKernels.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif

/// The number high + low, with |low| at most half a unit in the last place of high.
typedef struct {
  double high, low;
} pair;

/// a + b exactly (Knuth).
static pair sum_of(double a, double b) {
  double high = a + b, b1 = high - a;
  return (pair){high, (a - (high - b1)) + (b - b1)};
}

/// a b exactly, by halves of 26 bits (Veltkamp and Dekker), for factors below 2^996.
static pair product_of(double a, double b) {
  double high = a * b, ca = 0x8000001p0 * a, cb = 0x8000001p0 * b;
  double a1 = ca - (ca - a), a2 = a - a1, b1 = cb - (cb - b), b2 = b - b1;
  return (pair){high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2};
}

static pair times(pair a, pair b) {
  pair p = product_of(a.high, b.high);
  return sum_of(p.high, p.low + (a.high * b.low + a.low * b.high));
}

double vlm_power(double x, uint64_t n) {
  pair power = {1, 0}, square = {x, 0};
  for (; n > 0; n >>= 1) {
    if (n & 1) power = times(power, square);
    square = times(square, square);
  }
  return power.high + power.low;
}

// x = 2^e m with m around 1, and with s = (m - 1) / (m + 1): log m = 2 (s + s^3/3 + s^5/5 + ...), |s| < 0.172.
double vlm_log(double x) {
  if (!(x > 0) || x > 0x1.fffffffffffffp1023) return x < 0 ? __builtin_nan("") : x == 0 ? -__builtin_inf() : x;
  double e = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p54;
    e = -54;
  }
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  e += (double)((int64_t)(bits >> 52) - 1023);
  bits = (bits & 0xfffffffffffff) | (uint64_t)1023 << 52;
  double m;
  __builtin_memcpy(&m, &bits, sizeof m);
  if (m > 0x1.6a09e667f3bcdp0) {
    m /= 2;
    e += 1;
  }
  // m - 1 is exact, and so is the remainder of the division.
  const pair below = sum_of(m, 1);
  double s = (m - 1) / below.high;
  const pair back = product_of(s, below.high);
  const double rest = (((m - 1) - back.high) - back.low - s * below.low) / below.high;
  // s^3/3 to twice the precision, so that what follows it is all that rounds before the end.
  const pair square = product_of(s, s), z = {square.high, square.low + 2 * s * rest};
  const pair cube = times(z, (pair){s, rest});
  const double third = cube.high / 3;
  const pair thrice = product_of(third, 3);
  const double below_third = (((cube.high - thrice.high) - thrice.low) + cube.low) / 3;
  double tail = 0;
  for (int k = 31; k >= 5; k -= 2) tail = tail * z.high + 1.0 / k;
  // ln 2 in 32 bits, so that its product with e is exact, and the rest of it.
  const pair large = sum_of(e * 0x1.62e42fee00000p-1, 2 * s), sum = sum_of(large.high, 2 * third);
  const double small = 2 * (rest + below_third + s * z.high * z.high * tail) + e * 0x1.a39ef35793c76p-33;
  return sum.high + (sum.low + large.low + small);
}

// cos(x + quarters pi/2): x = q pi/2 + r with |r| <= pi/4 and Taylor's series of the cosine or the sine of r.
static double wave(double x, int64_t quarters) {
  if (!(x >= -0x1p20 && x <= 0x1p20)) return __builtin_nan("");
  const double q = (x * 0x1.45f306dc9c883p-1 + 0x1.8p52) - 0x1.8p52;
  // pi/2 in three parts; the products with q of the first two are exact.
  const pair first = sum_of(x - q * 0x1.921fb54400000p0, -q * 0x1.0b4611a600000p-34);
  const pair r = sum_of(first.high, first.low - q * 0x1.3198a2e037073p-69);
  const double z = r.high * r.high;
  double tail = 0, y;
  const int quarter = (int)(((int64_t)q + quarters) & 3);
  if (quarter & 1) {
    for (int k = 21; k >= 3; k -= 2) tail = (1 - tail * z) / (k * (k - 1.0));
    // sin r = r - r^3/3! + ...; tail = 1/3! - z/5! + ...
    y = r.high + (r.low - r.high * (z * tail));
  } else {
    for (int k = 22; k >= 4; k -= 2) tail = (1 - tail * z) / (k * (k - 1.0));
    // cos r = 1 - r^2/2 + r^4/4! - ...; tail = 2! (1/4! - z/6! + ...)
    const pair square = product_of(r.high, r.high), head = sum_of(1, -square.high / 2);
    y = head.high + (head.low + (z * z * tail / 2 - square.low / 2 - r.high * r.low));
  }
  return quarter == 1 || quarter == 2 ? -y : y;
}

double vlm_cos(double x) { return wave(x, 0); }
double vlm_sin(double x) { return wave(x, -1); }
