// RMS norm and layer norm over the last axis.
#include <mlx/fast.h>

#include <algorithm>

#include "fused.h"
#include "kernels.h"
#include "pool.h"
#include "simd.h"

namespace kernels {
using namespace engine;

SIMD_BEGIN
static void rms_rows(float *out, const float *in, const float *w, float eps, size_t D, size_t from, size_t to) {
  for (size_t r = from; r < to; r++) {
    auto x = in + r * D;
    auto y = out + r * D;
    float q = 1.0f / std::sqrt(dot(x, x, D) / D + eps);
    for (size_t j = 0; j < D; j++) y[j] = x[j] * q * w[j];
  }
}
static void rms_d_rows(float *dx_all, float *sum, const float *in, const float *w, const float *dy, float *t, float eps,
                       size_t D, size_t from, size_t to) {
  for (size_t r = from; r < to; r++) {
    auto x = in + r * D, d = dy + r * D;
    auto dx = dx_all + r * D;
    float q = 1.0f / std::sqrt(dot(x, x, D) / D + eps);
    for (size_t j = 0; j < D; j++) {
      t[j] = d[j] * w[j];
      sum[j] += d[j] * x[j] * q;
    }
    float s = dot(t, x, D) * q * q * q / D;
    for (size_t j = 0; j < D; j++) dx[j] = t[j] * q - x[j] * s;
  }
}
static inline void moments(const float *x, size_t D, float eps, float *mean, float *q) {
  float m = sum_of(x, D) / D, v[16] = {}, rest = 0;
  size_t i = 0;
  for (; i + 16 <= D; i += 16)
    for (int j = 0; j < 16; j++) v[j] += (x[i + j] - m) * (x[i + j] - m);
  for (; i < D; i++) rest += (x[i] - m) * (x[i] - m);
  for (float a : v) rest += a;
  *mean = m;
  *q = 1.0f / std::sqrt(rest / D + eps);
}
static void layer_rows(float *out, const float *in, const float *w, const float *b, float eps, size_t D, size_t from,
                       size_t to) {
  for (size_t r = from; r < to; r++) {
    auto x = in + r * D;
    auto y = out + r * D;
    float m, q;
    moments(x, D, eps, &m, &q);
    for (size_t j = 0; j < D; j++) y[j] = (x[j] - m) * q * w[j] + b[j];
  }
}
static void layer_d_rows(float *dx_all, float *dw, float *db, const float *in, const float *w, const float *dy, float *t,
                         float eps, size_t D, size_t from, size_t to) {
  for (size_t r = from; r < to; r++) {
    auto x = in + r * D, d = dy + r * D;
    auto dx = dx_all + r * D;
    float m, q;
    moments(x, D, eps, &m, &q);
    for (size_t j = 0; j < D; j++) {
      t[j] = d[j] * w[j];
      dx[j] = (x[j] - m) * q;  // the normalised value, for now
      dw[j] += d[j] * dx[j];
      db[j] += d[j];
    }
    float a = sum_of(t, D) / D, c = dot(t, dx, D) / D;
    for (size_t j = 0; j < D; j++) dx[j] = q * (t[j] - a - dx[j] * c);
  }
}
SIMD_END

// Rows in at most 64 fixed chunks, each with `columns` sums of its own, added up in order: f(chunk's sums, first, last row).
template <class F>
static void chunked(size_t N, size_t D, size_t columns, float *total, F f) {
  const size_t chunks = std::min<size_t>(N, 64), step = chunks ? (N + chunks - 1) / chunks : 0;
  std::vector<float> partial(chunks * columns, 0.0f);
  parallel(chunks, N * D, [&](size_t a, size_t b) {
    for (size_t c = a; c < b; c++) f(partial.data() + c * columns, std::min(N, c * step), std::min(N, (c + 1) * step));
  });
  std::memset(total, 0, columns * sizeof(float));
  for (size_t c = 0; c < chunks; c++)
    for (size_t j = 0; j < columns; j++) total[j] += partial[c * columns + j];
}

mx::array rms_norm(const mx::array &x, const mx::array &w, float eps) {
  require(x.ndim() >= 1 && w.ndim() == 1 && w.shape(0) == x.shape(-1) && w.size() > 0 && f32(x) && f32(w),
          "rms_norm: f32 x [..., D], f32 weight [D]");
  if (plain()) return mx::fast::rms_norm(x, w, eps);
  const size_t D = w.size(), N = x.size() / D;
  auto xs = x.shape(), ws = w.shape();
  return fused("rms_norm", {x, w}, {xs},
    [=](auto &in, auto &out) {
      parallel(N, N * D, [&](size_t a, size_t b) {
        rms_rows((float *)out[0], (const float *)in[0], (const float *)in[1], eps, D, a, b);
      });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &) {
      return fused("rms_norm_d", {in[0], in[1], dy[0]}, {xs, ws}, [=](auto &in, auto &out) {
        chunked(N, D, D, (float *)out[1], [&](float *sum, size_t from, size_t to) {
          std::vector<float> t(D);
          rms_d_rows((float *)out[0], sum, (const float *)in[0], (const float *)in[1], (const float *)in[2], t.data(),
                     eps, D, from, to);
        });
      });
    })[0];
}

mx::array layer_norm(const mx::array &x, const mx::array &w, const mx::array &b, float eps) {
  require(x.ndim() >= 1 && w.ndim() == 1 && w.shape(0) == x.shape(-1) && w.size() > 0 && b.shape() == w.shape() &&
              f32(x) && f32(w) && f32(b),
          "layer_norm: f32 x [..., D], f32 weight and bias [D]");
  if (plain()) return mx::fast::layer_norm(x, w, b, eps);
  const size_t D = w.size(), N = x.size() / D;
  auto xs = x.shape(), ws = w.shape();
  return fused("layer_norm", {x, w, b}, {xs},
    [=](auto &in, auto &out) {
      parallel(N, N * D, [&](size_t i, size_t j) {
        layer_rows((float *)out[0], (const float *)in[0], (const float *)in[1], (const float *)in[2], eps, D, i, j);
      });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &) -> Arrays {
      auto d = fused("layer_norm_d", {in[0], in[1], dy[0]}, {xs, mx::Shape{2, int(D)}}, [=](auto &in, auto &out) {
        chunked(N, D, 2 * D, (float *)out[1], [&](float *sum, size_t from, size_t to) {
          std::vector<float> t(D);
          layer_d_rows((float *)out[0], sum, sum + D, (const float *)in[0], (const float *)in[1], (const float *)in[2],
                       t.data(), eps, D, from, to);
        });
      });
      return {d[0], mx::reshape(mx::slice(d[1], {0, 0}, {1, int(D)}), ws),
              mx::reshape(mx::slice(d[1], {1, 0}, {2, int(D)}), ws)};
    })[0];
}
}  // namespace kernels
