// Linear layers: y[M,N] = x[M,K] w[N,K]^T + bias, frozen bf16 weights, and the same with a LoRA branch.
#include <algorithm>

#include "fused.h"
#include "gemm.h"
#include "kernels.h"
#include "pool.h"
#include "simd.h"

namespace kernels {
using namespace engine;

// bf16 weights are widened a tile at a time, so that a frozen model stays in half the memory at the speed of f32.
static const int kTile = 512;
// Up to this many rows a product is a matter of memory bandwidth: dot products straight off the stored weights.
static const int kRows = 4;

SIMD_BEGIN
static void widen_range(float *out, const uint16_t *w, size_t a, size_t b) {
  for (size_t i = a; i < b; i++) out[i] = widen(w[i]);
}
template <class T>
static void dots(float *y, const float *x, const T *w, int M, int N, int K, size_t from, size_t to) {
  for (size_t n = from; n < to; n++)
    for (int m = 0; m < M; m++) y[size_t(m) * N + n] = dot(x + size_t(m) * K, w + n * K, K);
}
static void add_bias(float *y, const float *bias, int N, size_t from, size_t to) {
  for (size_t r = from; r < to; r++)
    for (int j = 0; j < N; j++) y[r * N + j] += bias[j];
}
SIMD_END

template <class F>
static void each_tile(const uint16_t *w, int N, int K, F f) {  // f(first row, rows, the tile in f32)
  std::vector<float> tile(size_t(std::min(kTile, N)) * K);
  for (int n = 0; n < N; n += kTile) {
    int rows = std::min(kTile, N - n);
    parallel(size_t(rows) * K, size_t(rows) * K,
             [&](size_t a, size_t b) { widen_range(tile.data(), w + size_t(n) * K, a, b); });
    f(n, rows, tile.data());
  }
}

struct Weight {  // [N, K]
  const void *data;
  bool bf16;
  int N, K;
  const uint16_t *half() const { return (const uint16_t *)data; }
  const float *full() const { return (const float *)data; }

  // y[M,N] = x[M,K] w^T
  void forward(const float *x, float *y, int M) const {
    if (M <= kRows)
      parallel(N, size_t(N) * K, [&](size_t a, size_t b) {
        if (bf16) dots(y, x, half(), M, N, K, a, b);
        else dots(y, x, full(), M, N, K, a, b);
      });
    else if (bf16)
      each_tile(half(), N, K, [&](int n, int rows, const float *tile) {
        sgemm(kRowMajor, kPlain, kTransposed, M, rows, K, 1, x, K, tile, K, 0, y + n, N);
      });
    else
      sgemm(kRowMajor, kPlain, kTransposed, M, N, K, 1, x, K, full(), K, 0, y, N);
  }
  // dx[M,K] = dy[M,N] w
  void backward(const float *dy, float *dx, int M) const {
    if (bf16)
      each_tile(half(), N, K, [&](int n, int rows, const float *tile) {
        sgemm(kRowMajor, kPlain, kPlain, M, K, rows, 1, dy + n, N, tile, K, n ? 1 : 0, dx, K);
      });
    else
      sgemm(kRowMajor, kPlain, kPlain, M, K, N, 1, dy, N, full(), K, 0, dx, K);
  }
};

static void check(const mx::array &x, const mx::array &w, const Optional &bias, const char *what) {
  require(w.ndim() == 2 && x.ndim() >= 1 && x.shape(-1) == w.shape(1) && w.size() > 0, what);
  require(f32(x) && (f32(w) || w.dtype() == mx::bfloat16), "linear: f32 input, f32 or bf16 weight");
  require(!bias || (bias->ndim() == 1 && bias->shape(0) == w.shape(0) && f32(*bias)), "linear: f32 bias [N]");
}

static Arrays bias_gradient(const mx::array &dy, int N) { return {mx::sum(mx::reshape(dy, {-1, N}), 0)}; }

mx::array linear(const mx::array &x, const mx::array &w, const Optional &bias) {
  check(x, w, bias, "linear: x [..., K], weight [N, K]");
  if (plain()) {
    auto y = mx::matmul(x, mx::transpose(f32(w) ? w : mx::astype(w, mx::float32)));
    return bias ? mx::add(y, *bias) : y;
  }
  const int K = w.shape(1), N = w.shape(0), M = int(x.size() / K);
  const bool bf16 = !f32(w), biased = bias.has_value();
  auto xs = x.shape(), ws = w.shape(), ys = xs;
  ys.back() = N;
  Arrays in{x, w};
  if (bias) in.push_back(*bias);
  return fused("linear", in, {ys},
    [=](auto &in, auto &out) {
      auto y = (float *)out[0];
      Weight{in[1], bf16, N, K}.forward((const float *)in[0], y, M);
      if (biased)
        parallel(M, size_t(M) * N, [&](size_t a, size_t b) { add_bias(y, (const float *)in[2], N, a, b); });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &) -> Arrays {
      auto dx = fused("linear_dx", {dy[0], in[1]}, {xs}, [=](auto &in, auto &out) {
        Weight{in[1], bf16, N, K}.backward((const float *)in[0], (float *)out[0], M);
      })[0];
      auto dw = fused("linear_dw", {dy[0], in[0]}, {ws}, [=](auto &in, auto &out) {
        sgemm(kRowMajor, kTransposed, kPlain, N, K, M, 1, (const float *)in[0], N, (const float *)in[1], K, 0,
              (float *)out[0], K);
      })[0];
      Arrays g{dx, bf16 ? mx::astype(dw, mx::bfloat16) : dw};
      if (biased) g.push_back(bias_gradient(dy[0], N)[0]);
      return g;
    })[0];
}

// y = x w^T + scale (x a^T) b^T, a [r, K], b [N, r]; w and bias are frozen: they get no gradient.
mx::array lora_linear(const mx::array &x, const mx::array &w, const Optional &bias, const mx::array &a,
                      const mx::array &b, float scale) {
  check(x, w, bias, "lora_linear: x [..., K], weight [N, K]");
  const int K = w.shape(1), N = w.shape(0), M = int(x.size() / K);
  require(a.ndim() == 2 && b.ndim() == 2 && a.shape(1) == K && b.shape(0) == N && a.shape(0) == b.shape(1) && f32(a) &&
              f32(b) && a.size() > 0,
          "lora_linear: f32 a [r, K], b [N, r]");
  if (plain()) {
    auto low = mx::matmul(mx::matmul(x, mx::transpose(a)), mx::transpose(b));
    return mx::add(linear(x, mx::stop_gradient(w), bias), mx::multiply(low, mx::array(scale)));
  }
  const int r = a.shape(0);
  const bool bf16 = !f32(w), biased = bias.has_value();
  auto xs = x.shape(), ys = xs;
  ys.back() = N;
  Arrays in{x, w, a, b};
  if (bias) in.push_back(*bias);
  return fused("lora_linear", in, {ys},
    [=](auto &in, auto &out) {
      auto x = (const float *)in[0], a = (const float *)in[2], b = (const float *)in[3];
      auto y = (float *)out[0];
      std::vector<float> h(size_t(M) * r);
      Weight{in[1], bf16, N, K}.forward(x, y, M);
      sgemm(kRowMajor, kPlain, kTransposed, M, r, K, 1, x, K, a, K, 0, h.data(), r);
      sgemm(kRowMajor, kPlain, kTransposed, M, N, r, scale, h.data(), r, b, r, 1, y, N);
      if (biased)
        parallel(M, size_t(M) * N, [&](size_t i, size_t j) { add_bias(y, (const float *)in[4], N, i, j); });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &) -> Arrays {
      auto dx = fused("lora_linear_dx", {dy[0], in[1], in[2], in[3]}, {xs}, [=](auto &in, auto &out) {
        auto dy = (const float *)in[0], a = (const float *)in[2], b = (const float *)in[3];
        auto dx = (float *)out[0];
        std::vector<float> g(size_t(M) * r);
        Weight{in[1], bf16, N, K}.backward(dy, dx, M);
        sgemm(kRowMajor, kPlain, kPlain, M, r, N, scale, dy, N, b, r, 0, g.data(), r);
        sgemm(kRowMajor, kPlain, kPlain, M, K, r, 1, g.data(), r, a, K, 1, dx, K);
      })[0];
      auto low = fused("lora_linear_dab", {dy[0], in[0], in[2], in[3]}, {mx::Shape{r, K}, mx::Shape{N, r}},
        [=](auto &in, auto &out) {
          auto dy = (const float *)in[0], x = (const float *)in[1], a = (const float *)in[2], b = (const float *)in[3];
          std::vector<float> t(size_t(M) * r);
          sgemm(kRowMajor, kPlain, kPlain, M, r, N, scale, dy, N, b, r, 0, t.data(), r);
          sgemm(kRowMajor, kTransposed, kPlain, r, K, M, 1, t.data(), r, x, K, 0, (float *)out[0], K);
          sgemm(kRowMajor, kPlain, kTransposed, M, r, K, scale, x, K, a, K, 0, t.data(), r);
          sgemm(kRowMajor, kTransposed, kPlain, N, r, M, 1, dy, N, t.data(), r, 0, (float *)out[1], r);
        });
      Arrays g{dx, mx::zeros_like(in[1]), low[0], low[1]};
      if (biased) g.push_back(mx::zeros_like(in[4]));
      return g;
    })[0];
}
}  // namespace kernels
