// Linear layers: y[M,N] = x[M,K] w[N,K]^T + bias, w of any kind in weight.h, and the same with a LoRA branch.
#include <algorithm>
#include <memory>

#include "gemm.h"
#include "weight.h"

namespace kernels {
using namespace engine;

// Frozen weights are widened a tile at a time, so that a model stays in little memory at about the speed of f32.
static const int kTile = 512;
// Up to this many rows a product is a matter of memory bandwidth: dot products straight off the stored weights.
static const int kRows = 4;

SIMD_BEGIN
static void add_bias(float *y, const float *bias, int N, size_t from, size_t to) {
  for (size_t r = from; r < to; r++)
    for (int j = 0; j < N; j++) y[r * N + j] += bias[j];
}
SIMD_END

template <class F>
static void each_tile(const Weight &w, F f) {  // f(first row, rows, the tile in f32)
  if (w.kind == Kind::f32) return f(0, w.N, w.as<float>());
  auto tile = std::make_unique_for_overwrite<float[]>(size_t(std::min(kTile, w.N)) * w.K);
  for (int n = 0; n < w.N; n += kTile) {
    int rows = std::min(kTile, w.N - n);
    w.widen_rows(n, rows, tile.get());
    f(n, rows, tile.get());
  }
}
// y[M,N] = x[M,K] w^T
static void product(const Weight &w, const float *x, float *y, int M) {
  if (M <= kRows) return w.multiply_rows(x, y, M);
  each_tile(w, [&](int n, int rows, const float *tile) {
    sgemm(kRowMajor, kPlain, kTransposed, M, rows, w.K, 1, x, w.K, tile, w.K, 0, y + n, w.N);
  });
}
// dx[M,K] = dy[M,N] w
static void product_dx(const Weight &w, const float *dy, float *dx, int M) {
  each_tile(w, [&](int n, int rows, const float *tile) {
    sgemm(kRowMajor, kPlain, kPlain, M, w.K, rows, 1, dy + n, w.N, tile, w.K, n ? 1 : 0, dx, w.K);
  });
}

static Format check(const mx::array &x, const Matrix &w, const Optional &bias) {
  const Format f = format_of(w);
  require(x.ndim() >= 1 && x.shape(-1) == f.K && f32(x), "linear: f32 input [..., K], weight [N, K]");
  require(!bias || (bias->ndim() == 1 && bias->shape(0) == f.N && f32(*bias)), "linear: f32 bias [N]");
  return f;
}

static mx::array linear_plain(const mx::array &x, const Matrix &w, const Optional &bias) {
  auto y = w.scales ? mx::quantized_matmul(x, w.data, mx::stop_gradient(*w.scales), mx::stop_gradient(*w.biases), true,
                                           w.group, w.bits)
                    : mx::matmul(x, mx::transpose(mx::astype(w.data, mx::float32)));
  return bias ? mx::add(y, *bias) : y;
}

// A node's inputs: x, the weight's one array or three, then from index `rest` on what else the operation takes. A backward
// kernel takes the same with dy in the place of x.
static Arrays inputs(const mx::array &x, const Matrix &w, const Arrays &others) {
  Arrays in{x, w.data};
  if (w.scales) in.insert(in.end(), {*w.scales, *w.biases});
  in.insert(in.end(), others.begin(), others.end());
  return in;
}
static Arrays backward_inputs(const mx::array &dy, const Arrays &in, size_t count) {
  Arrays r(in.begin(), in.begin() + count);
  r[0] = dy;
  return r;
}

mx::array linear(const mx::array &x, const Matrix &w, const Optional &bias) {
  const Format f = check(x, w, bias);
  if (plain()) return linear_plain(x, w, bias);
  const int K = f.K, N = f.N, M = int(x.size() / K);
  const bool biased = bias.has_value();
  auto xs = x.shape(), ys = xs;
  ys.back() = N;
  const Arrays in = inputs(x, w, biased ? Arrays{*bias} : Arrays{});
  const size_t rest = in.size() - biased;
  return fused("linear", in, {ys},
    [=](auto &in, auto &out) {
      auto y = (float *)out[0];
      product(Weight(f, in, 1), (const float *)in[0], y, M);
      if (biased)
        parallel(M, size_t(M) * N, [&](size_t a, size_t b) { add_bias(y, (const float *)in[rest], N, a, b); });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &) -> Arrays {
      Arrays g = fused("linear_dx", backward_inputs(dy[0], in, rest), {xs}, [=](auto &in, auto &out) {
        product_dx(Weight(f, in, 1), (const float *)in[0], (float *)out[0], M);
      });
      if (f.quantised()) {
        for (size_t i = 1; i < rest; i++) g.push_back(mx::zeros_like(in[i]));  // frozen
      } else {
        auto dw = fused("linear_dw", {dy[0], in[0]}, {mx::Shape{N, K}}, [=](auto &in, auto &out) {
          sgemm(kRowMajor, kTransposed, kPlain, N, K, M, 1, (const float *)in[0], N, (const float *)in[1], K, 0,
                (float *)out[0], K);
        })[0];
        g.push_back(mx::astype(dw, in[1].dtype()));
      }
      if (biased) g.push_back(mx::sum(mx::reshape(dy[0], {-1, N}), 0));
      return g;
    })[0];
}

// y = x w^T + scale (x a^T) b^T, a [r, K], b [N, r]; w and bias are frozen: they get no gradient.
mx::array lora_linear(const mx::array &x, const Matrix &w, const Optional &bias, const mx::array &a,
                      const mx::array &b, float scale) {
  const Format f = check(x, w, bias);
  const int K = f.K, N = f.N, M = int(x.size() / K);
  require(a.ndim() == 2 && b.ndim() == 2 && a.shape(1) == K && b.shape(0) == N && a.shape(0) == b.shape(1) && f32(a) &&
              f32(b) && a.size() > 0,
          "lora_linear: f32 a [r, K], b [N, r]");
  if (plain()) {
    auto low = mx::matmul(mx::matmul(x, mx::transpose(a)), mx::transpose(b));
    Matrix frozen = w;
    frozen.data = mx::stop_gradient(w.data);
    return mx::add(linear_plain(x, frozen, bias), mx::multiply(low, mx::array(scale)));
  }
  const int r = a.shape(0);
  const bool biased = bias.has_value();
  auto xs = x.shape(), ys = xs;
  ys.back() = N;
  const Arrays in = inputs(x, w, biased ? Arrays{a, b, *bias} : Arrays{a, b});
  const size_t rest = in.size() - 2 - biased;
  return fused("lora_linear", in, {ys},
    [=](auto &in, auto &out) {
      auto x = (const float *)in[0], a = (const float *)in[rest], b = (const float *)in[rest + 1];
      auto y = (float *)out[0];
      std::vector<float> h(size_t(M) * r);
      product(Weight(f, in, 1), x, y, M);
      sgemm(kRowMajor, kPlain, kTransposed, M, r, K, 1, x, K, a, K, 0, h.data(), r);
      sgemm(kRowMajor, kPlain, kTransposed, M, N, r, scale, h.data(), r, b, r, 1, y, N);
      if (biased)
        parallel(M, size_t(M) * N, [&](size_t i, size_t j) { add_bias(y, (const float *)in[rest + 2], N, i, j); });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &) -> Arrays {
      Arrays g = fused("lora_linear_dx", backward_inputs(dy[0], in, rest + 2), {xs}, [=](auto &in, auto &out) {
        auto dy = (const float *)in[0], a = (const float *)in[rest], b = (const float *)in[rest + 1];
        auto dx = (float *)out[0];
        std::vector<float> t(size_t(M) * r);
        product_dx(Weight(f, in, 1), dy, dx, M);
        sgemm(kRowMajor, kPlain, kPlain, M, r, N, scale, dy, N, b, r, 0, t.data(), r);
        sgemm(kRowMajor, kPlain, kPlain, M, K, r, 1, t.data(), r, a, K, 1, dx, K);
      });
      auto low = fused("lora_linear_dab", {dy[0], in[0], in[rest], in[rest + 1]}, {mx::Shape{r, K}, mx::Shape{N, r}},
        [=](auto &in, auto &out) {
          auto dy = (const float *)in[0], x = (const float *)in[1], a = (const float *)in[2], b = (const float *)in[3];
          std::vector<float> t(size_t(M) * r);
          sgemm(kRowMajor, kPlain, kPlain, M, r, N, scale, dy, N, b, r, 0, t.data(), r);
          sgemm(kRowMajor, kTransposed, kPlain, r, K, M, 1, t.data(), r, x, K, 0, (float *)out[0], K);
          sgemm(kRowMajor, kPlain, kTransposed, M, r, K, scale, x, K, a, K, 0, t.data(), r);
          sgemm(kRowMajor, kTransposed, kPlain, N, r, M, 1, dy, N, t.data(), r, 0, (float *)out[1], r);
        });
      for (size_t i = 1; i < rest; i++) g.push_back(mx::zeros_like(in[i]));
      g.insert(g.end(), low.begin(), low.end());
      if (biased) g.push_back(mx::zeros_like(in[rest + 2]));
      return g;
    })[0];
}
}  // namespace kernels
