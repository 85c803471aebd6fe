// A weight matrix [N, K] as it is stored, for kernels that compute in f32.
#pragma once
#include <vector>

#include "fused.h"
#include "kernels.h"
#include "pool.h"
#include "simd.h"

namespace kernels {

// q8 and q4 are MLX's affine format: by groups along a row, an element is scale q + bias, and the unsigned numbers q are
// packed into 32-bit words, the lowest bits first.
enum class Kind { f32, bf16, f16, q8, q4 };

struct Format {
  Kind kind;
  int N, K, group;  // group: 1 where the weight is not quantised
  bool quantised() const { return kind == Kind::q8 || kind == Kind::q4; }
};
// Throws where the arrays are not a matrix of one of these kinds.
Format format_of(const Matrix &w);

SIMD_BEGIN
template <int bits>
static inline void unpack(float *out, const uint32_t *packed) {  // 8 numbers
  if constexpr (bits == 8) {
    auto p = (const uint8_t *)packed;
    for (int j = 0; j < 8; j++) out[j] = p[j];
  } else {
    for (int j = 0; j < 8; j++) out[j] = float(int32_t(*packed >> 4 * j & 15));
  }
}
template <class T>
static void widen_range(float *out, const T *w, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = widen(w[i]);
}
template <int bits>
static void widen_groups(float *out, const uint32_t *packed, const float *scales, const float *biases, int group,
                         size_t n) {
  for (size_t g = 0; g < n; g++) {
    const float scale = scales[g], bias = biases[g];
    for (int i = 0; i < group; i += 8, out += 8, packed += bits / 4) {
      float q[8];
      unpack<bits>(q, packed);
      for (int j = 0; j < 8; j++) out[j] = scale * q[j] + bias;
    }
  }
}
// A quantised row times x: scale (x . q) + bias (sum of x), group by group.
template <int bits>
static float dot_groups(const float *x, const float *sums, const uint32_t *packed, const float *scales,
                        const float *biases, int group, size_t n) {
  float s[8] = {}, r = 0;
  for (size_t g = 0; g < n; g++) {
    float t[8] = {};
    for (int i = 0; i < group; i += 8, x += 8, packed += bits / 4) {
      float q[8];
      unpack<bits>(q, packed);
      for (int j = 0; j < 8; j++) t[j] += x[j] * q[j];
    }
    for (int j = 0; j < 8; j++) s[j] += scales[g] * t[j];
    r += biases[g] * sums[g];
  }
  for (float v : s) r += v;
  return r;
}
template <class T>
static void dots(float *y, const float *x, const T *w, int M, int N, int K, size_t from, size_t to) {
  for (size_t n = from; n < to; n++)
    for (int m = 0; m < M; m++) y[size_t(m) * N + n] = dot(x + size_t(m) * K, w + n * K, K);
}
template <int bits>
static void dots(float *y, const float *x, const float *sums, const uint32_t *packed, const float *scales,
                 const float *biases, int M, int N, int K, int group, size_t from, size_t to) {
  const size_t groups = K / group, words = size_t(K) * bits / 32;
  for (size_t n = from; n < to; n++)
    for (int m = 0; m < M; m++)
      y[size_t(m) * N + n] = dot_groups<bits>(x + size_t(m) * K, sums + m * groups, packed + n * words,
                                              scales + n * groups, biases + n * groups, group, groups);
}
static inline void group_sums(float *out, const float *x, int group, size_t n) {
  for (size_t g = 0; g < n; g++) out[g] = sum_of(x + g * group, group);
}
SIMD_END

// A view: the arrays' data stay with the caller.
struct Weight : Format {
  const void *data;
  const float *scales = nullptr, *biases = nullptr;

  // Its one array, or three, stand in a kernel's inputs from `at` on.
  Weight(const Format &f, const Inputs &in, size_t at) : Format(f), data(in[at]) {
    if (quantised()) scales = (const float *)in[at + 1], biases = (const float *)in[at + 2];
  }
  template <class T>
  const T *as() const { return (const T *)data; }

  // `count` groups from the group `first` on, counted over the whole matrix, on the calling thread.
  void widen_from(size_t first, size_t count, float *out) const {
    switch (kind) {
      case Kind::f32: return widen_range(out, as<float>() + first, count);
      case Kind::bf16: return widen_range(out, as<uint16_t>() + first, count);
      case Kind::f16: return widen_range(out, as<_Float16>() + first, count);
      case Kind::q8:
        return widen_groups<8>(out, as<uint32_t>() + first * group / 4, scales + first, biases + first, group, count);
      case Kind::q4:
        return widen_groups<4>(out, as<uint32_t>() + first * group / 8, scales + first, biases + first, group, count);
    }
  }
  // Rows from the row n on, on the whole pool.
  void widen_rows(int n, int rows, float *out) const {
    const size_t a_row = K / group;
    engine::parallel(rows * a_row, size_t(rows) * K, [&](size_t a, size_t b) {
      widen_from(n * a_row + a, b - a, out + a * group);
    });
  }
  // y[M,N] = x[M,K] w^T for a few rows: straight off the stored weight.
  void multiply_rows(const float *x, float *y, int M) const {
    std::vector<float> sums(quantised() ? size_t(M) * (K / group) : 0);
    group_sums(sums.data(), x, group, sums.size());
    engine::parallel(N, size_t(N) * K, [&](size_t a, size_t b) {
      switch (kind) {
        case Kind::f32: return dots(y, x, as<float>(), M, N, K, a, b);
        case Kind::bf16: return dots(y, x, as<uint16_t>(), M, N, K, a, b);
        case Kind::f16: return dots(y, x, as<_Float16>(), M, N, K, a, b);
        case Kind::q8: return dots<8>(y, x, sums.data(), as<uint32_t>(), scales, biases, M, N, K, group, a, b);
        case Kind::q4: return dots<4>(y, x, sums.data(), as<uint32_t>(), scales, biases, M, N, K, group, a, b);
      }
    });
  }
};
}  // namespace kernels
