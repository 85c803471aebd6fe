// Building blocks of the kernels: plain C loops that the compiler turns into SIMD. 16 independent accumulators where a sum
// is needed, a polynomial exp, no library call inside a loop.
// The instruction set is asked for function by function (SIMD_BEGIN ... SIMD_END), never for a whole file: code that runs
// before the CPU has been checked must not contain such instructions.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#define SIMD_BEGIN _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c\"))), apply_to = function)")
#define SIMD_END _Pragma("clang attribute pop")
#else
#define SIMD_BEGIN
#define SIMD_END
#endif

namespace kernels {
SIMD_BEGIN
static inline float fast_exp(float x) {  // Cephes' expf: under 2 ulp, no branch
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.3f ? 88.3f : x;
  float n = __builtin_floorf(x * 1.44269504088896341f + 0.5f);
  float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  float y = p * r * r + r + 1.0f, power;
  int32_t bits = (int32_t(n) + 127) << 23;
  std::memcpy(&power, &bits, 4);
  return y * power;
}
static inline float sigmoid(float x) { return 1.0f / (1.0f + fast_exp(-x)); }

// Abramowitz & Stegun 7.1.26 (absolute error 1.5e-7), and a Taylor piece near 0, where the relative error counts.
static inline float fast_erf(float x) {
  float a = x < 0 ? -x : x;
  float t = 1.0f / (1.0f + 0.3275911f * a);
  float p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  float large = 1.0f - p * fast_exp(-a * a);
  float s = a * a;
  float small = a * (1.128379167f + s * (-0.376126389f + s * (0.112837917f + s * (-0.026866170f + s * 0.005223977f))));
  float y = a < 0.35f ? small : large;
  return x < 0 ? -y : y;
}
static inline float widen(float x) { return x; }
static inline float widen(uint16_t bf16) {
  uint32_t u = uint32_t(bf16) << 16;
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
static inline float widen(_Float16 x) { return x; }

template <class T>
static float dot(const float *a, const T *b, size_t n) {
  float s[16] = {}, r = 0;
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int j = 0; j < 16; j++) s[j] += a[i + j] * widen(b[i + j]);
  for (; i < n; i++) r += a[i] * widen(b[i]);
  for (float x : s) r += x;
  return r;
}
static inline float sum_of(const float *a, size_t n) {
  float s[16] = {}, r = 0;
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int j = 0; j < 16; j++) s[j] += a[i + j];
  for (; i < n; i++) r += a[i];
  for (float x : s) r += x;
  return r;
}
static inline float max_of(const float *x, size_t n) {
  float s[16], r = -INFINITY;
  for (float &v : s) v = -INFINITY;
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int j = 0; j < 16; j++) s[j] = s[j] > x[i + j] ? s[j] : x[i + j];
  for (; i < n; i++) r = r > x[i] ? r : x[i];
  for (float v : s) r = r > v ? r : v;
  return r;
}
// y = exp((x - top) scale), and its sum
static inline float sum_exp(float *y, const float *x, float top, float scale, size_t n) {
  float s[16] = {}, r = 0;
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int j = 0; j < 16; j++) {
      float e = fast_exp((x[i + j] - top) * scale);
      y[i + j] = e;
      s[j] += e;
    }
  for (; i < n; i++) r += y[i] = fast_exp((x[i] - top) * scale);
  for (float v : s) r += v;
  return r;
}
SIMD_END
}  // namespace kernels
