// SwiGLU, exact GELU and softmax over the last axis.
#include "fused.h"
#include "kernels.h"
#include "pool.h"
#include "simd.h"

namespace kernels {
using namespace engine;

SIMD_BEGIN
static void swiglu_range(float *y, const float *g, const float *u, size_t a, size_t b) {
  for (size_t i = a; i < b; i++) y[i] = g[i] * sigmoid(g[i]) * u[i];
}
static void swiglu_d_range(float *dg, float *du, const float *g, const float *u, const float *d, size_t a, size_t b) {
  for (size_t i = a; i < b; i++) {
    float s = sigmoid(g[i]), silu = g[i] * s;
    du[i] = d[i] * silu;
    dg[i] = d[i] * u[i] * (s + silu * (1.0f - s));
  }
}
static const float kRootHalf = 0.70710678118654752f, kDensity = 0.39894228040143268f;
static void gelu_range(float *y, const float *x, size_t a, size_t b) {
  for (size_t i = a; i < b; i++) y[i] = 0.5f * x[i] * (1.0f + fast_erf(x[i] * kRootHalf));
}
static void gelu_d_range(float *dx, const float *x, const float *d, size_t a, size_t b) {
  for (size_t i = a; i < b; i++) {
    float cdf = 0.5f * (1.0f + fast_erf(x[i] * kRootHalf));
    dx[i] = d[i] * (cdf + x[i] * kDensity * fast_exp(-0.5f * x[i] * x[i]));
  }
}
static void softmax_rows(float *y, const float *x, size_t D, size_t from, size_t to) {
  for (size_t r = from; r < to; r++) {
    float z = 1.0f / sum_exp(y + r * D, x + r * D, max_of(x + r * D, D), 1, D);
    for (size_t j = 0; j < D; j++) y[r * D + j] *= z;
  }
}
static void softmax_d_rows(float *dx, const float *y, const float *d, size_t D, size_t from, size_t to) {
  for (size_t r = from; r < to; r++) {
    float s = dot(y + r * D, d + r * D, D);
    for (size_t j = 0; j < D; j++) dx[r * D + j] = y[r * D + j] * (d[r * D + j] - s);
  }
}
SIMD_END

mx::array swiglu(const mx::array &gate, const mx::array &up) {
  require(gate.shape() == up.shape() && f32(gate) && f32(up), "swiglu: two f32 arrays of one shape");
  if (plain()) return mx::multiply(mx::multiply(gate, mx::sigmoid(gate)), up);
  const size_t n = gate.size();
  auto shape = gate.shape();
  return fused("swiglu", {gate, up}, {shape},
    [=](auto &in, auto &out) {
      parallel(n, n, [&](size_t a, size_t b) {
        swiglu_range((float *)out[0], (const float *)in[0], (const float *)in[1], a, b);
      });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &) {
      return fused("swiglu_d", {in[0], in[1], dy[0]}, {shape, shape}, [=](auto &in, auto &out) {
        parallel(n, n, [&](size_t a, size_t b) {
          swiglu_d_range((float *)out[0], (float *)out[1], (const float *)in[0], (const float *)in[1],
                         (const float *)in[2], a, b);
        });
      });
    })[0];
}

mx::array gelu(const mx::array &x) {
  require(f32(x), "gelu: f32");
  if (plain())
    return mx::multiply(mx::multiply(x, mx::array(0.5f)),
                        mx::add(mx::array(1.0f), mx::erf(mx::multiply(x, mx::array(0.70710678118654752f)))));
  const size_t n = x.size();
  auto shape = x.shape();
  return fused("gelu", {x}, {shape},
    [=](auto &in, auto &out) {
      parallel(n, n, [&](size_t a, size_t b) { gelu_range((float *)out[0], (const float *)in[0], a, b); });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &) {
      return fused("gelu_d", {in[0], dy[0]}, {shape}, [=](auto &in, auto &out) {
        parallel(n, n, [&](size_t a, size_t b) {
          gelu_d_range((float *)out[0], (const float *)in[0], (const float *)in[1], a, b);
        });
      });
    })[0];
}

mx::array softmax(const mx::array &x) {
  require(f32(x) && x.ndim() >= 1 && x.shape(-1) > 0, "softmax: f32 x [..., D], D > 0");
  if (plain()) return mx::softmax(x, -1, true);
  const size_t D = x.shape(-1), N = x.size() / D;
  auto shape = x.shape();
  return fused("softmax", {x}, {shape},
    [=](auto &in, auto &out) {
      parallel(N, N * D, [&](size_t a, size_t b) { softmax_rows((float *)out[0], (const float *)in[0], D, a, b); });
    },
    [=](const Arrays &, const Arrays &dy, const Arrays &out) {
      return fused("softmax_d", {out[0], dy[0]}, {shape}, [=](auto &in, auto &out) {
        parallel(N, N * D, [&](size_t a, size_t b) {
          softmax_d_rows((float *)out[0], (const float *)in[0], (const float *)in[1], D, a, b);
        });
      });
    })[0];
}
}  // namespace kernels
