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
// Eight lanes by name: out of a plain loop over the 4-bit numbers of a word, clang makes shuffles instead of one shift.
using Floats = float __attribute__((vector_size(32)));

template <int bits>
static inline Floats unpack(const uint32_t *packed) {  // the next 8 numbers
  if constexpr (bits == 8) {
    uint8_t __attribute__((vector_size(8))) q;
    std::memcpy(&q, packed, sizeof q);
    return __builtin_convertvector(q, Floats);
  } else {
    using Words = uint32_t __attribute__((vector_size(32)));
    using Numbers = int32_t __attribute__((vector_size(32)));  // signed ones convert in one instruction
    const Words places = {0, 4, 8, 12, 16, 20, 24, 28};
    return __builtin_convertvector((Numbers)((Words{} + *packed) >> places & 15), Floats);
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
      const Floats w = scale * unpack<bits>(packed) + bias;
      std::memcpy(out, &w, sizeof w);
    }
  }
}
// R rows of x [R,K] times a row of w, a group at a time: scale (x . q) + bias (sum of x). y[r * N] gets the products.
template <int bits, int R>
static void dot_groups(float *y, int N, const float *x, const float *sums, const uint32_t *packed, const float *scales,
                       const float *biases, int K, int group) {
  constexpr int chains = 4 / R;  // as many independent sums as hide the latency of an addition
  const size_t groups = K / group;
  Floats s[R][chains] = {};
  float rest[R] = {};
  for (size_t g = 0; g < groups; g++) {
    Floats t[R][chains] = {};
    for (int i = 0; i < group; i += 32, x += 32)
      for (int k = 0; k < 4; k++, packed += bits / 4) {
        const Floats q = unpack<bits>(packed);
        for (int r = 0; r < R; r++) {
          Floats v;
          std::memcpy(&v, x + size_t(r) * K + 8 * k, sizeof v);
          t[r][k % chains] += v * q;
        }
      }
    for (int r = 0; r < R; r++) {
      for (int c = 0; c < chains; c++) s[r][c] += scales[g] * t[r][c];
      rest[r] += biases[g] * sums[r * groups + g];
    }
  }
  for (int r = 0; r < R; r++) {
    Floats sum = s[r][0];
    for (int c = 1; c < chains; c++) sum += s[r][c];
    for (int j = 0; j < 8; j++) rest[r] += sum[j];
    y[size_t(r) * N] = rest[r];
  }
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
  for (size_t n = from; n < to; n++) {
    auto rows = [&](auto dot, size_t m) {
      dot(y + m * N + n, N, x + m * K, sums + m * groups, packed + n * words, scales + n * groups, biases + n * groups,
          K, group);
    };
    int m = 0;
    for (; M - m >= 4; m += 4) rows(dot_groups<bits, 4>, m);
    for (; M - m >= 2; m += 2) rows(dot_groups<bits, 2>, m);
    if (m < M) rows(dot_groups<bits, 1>, m);
  }
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
