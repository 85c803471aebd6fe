// Rotary positions, and grouped-query attention straight off the projections' own layout [B, T, H, D]: no head transposes.
#include <mlx/fast.h>

#include <algorithm>

#include "fused.h"
#include "gemm.h"
#include "kernels.h"
#include "pool.h"
#include "simd.h"

namespace kernels {
using namespace engine;

SIMD_BEGIN
static void rotate(float *y, const float *x, const float *cosine, const float *sine, int heads, int half) {
  for (int h = 0; h < heads; h++, x += 2 * half, y += 2 * half)
    for (int j = 0; j < half; j++) {
      float a = x[j], b = x[j + half];
      y[j] = a * cosine[j] - b * sine[j];
      y[j + half] = b * cosine[j] + a * sine[j];
    }
}
// Scores -> probabilities in place, over keys [from, to); the rest is 0. No key at all: the row is 0.
static void softmax_row(float *x, int from, int to, int T, float scale) {
  if (to > from) {
    float z = 1.0f / sum_exp(x + from, x + from, max_of(x + from, to - from), scale, to - from);
    for (int j = from; j < to; j++) x[j] *= z;
  }
  to = std::max(from, to);
  std::memset(x, 0, from * sizeof(float));
  std::memset(x + to, 0, (T - to) * sizeof(float));
}
static void softmax_d_row(float *d, const float *p, int T, float scale) {
  float s = dot(d, p, T);
  for (int j = 0; j < T; j++) d[j] = p[j] * (d[j] - s) * scale;
}
SIMD_END

// The half-split form (HF's rotate_half). direction -1 turns back: the gradient.
static mx::array rotated(const mx::array &x, const mx::array &positions, float base, float direction) {
  const int B = x.shape(0), T = x.shape(1), H = x.shape(2), D = x.shape(3), half = D / 2;
  return fused("rope", {x, positions}, {x.shape()},
    [=](auto &in, auto &out) {
      auto first = (const int32_t *)in[1];
      parallel(size_t(B) * T, size_t(B) * T * H * D, [&](size_t a, size_t b) {
        std::vector<double> frequency(half);
        std::vector<float> cosine(half), sine(half);
        for (int j = 0; j < half; j++) frequency[j] = std::pow(double(base), -2.0 * j / D);
        for (size_t r = a; r < b; r++) {
          for (int j = 0; j < half; j++) {
            double angle = (first[r / T] + double(r % T)) * frequency[j];
            cosine[j] = float(std::cos(angle));
            sine[j] = direction * float(std::sin(angle));
          }
          rotate((float *)out[0] + r * H * D, (const float *)in[0] + r * H * D, cosine.data(), sine.data(), H, half);
        }
      });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &) -> Arrays {
      return {rotated(dy[0], in[1], base, -direction), mx::zeros_like(in[1])};
    })[0];
}

mx::array rope(const mx::array &x, const mx::array &positions, float base) {
  require(x.ndim() == 4 && x.shape(3) % 2 == 0 && f32(x) && positions.ndim() == 1 && positions.shape(0) == x.shape(0),
          "rope: f32 x [B,T,H,D], D even, positions [B]");
  auto p = mx::astype(positions, mx::int32);
  if (!plain()) return rotated(x, p, base, 1);
  // MLX's rope wants [B,H,T,D]; it takes one offset for each row of the batch.
  auto t = mx::transpose(x, {0, 2, 1, 3});
  return mx::transpose(mx::fast::rope(t, x.shape(3), false, base, 1.0f, p), {0, 2, 1, 3});
}

static mx::array plain_attention(const mx::array &q, const mx::array &k, const mx::array &v, const mx::array &first,
                                 const mx::array &last, float scale, bool causal) {
  const int B = q.shape(0), S = q.shape(1), T = k.shape(1), group = q.shape(2) / k.shape(2);
  auto heads = [&](const mx::array &x) { return mx::transpose(x, {0, 2, 1, 3}); };
  auto repeat = [&](const mx::array &x) { return group == 1 ? heads(x) : mx::repeat(heads(x), group, 1); };
  auto key = mx::reshape(mx::arange(T), {1, 1, 1, T}), query = mx::reshape(mx::arange(S), {1, 1, S, 1});
  auto seen = mx::logical_and(mx::greater_equal(key, mx::reshape(first, {B, 1, 1, 1})),
                              mx::less(key, mx::reshape(last, {B, 1, 1, 1})));
  if (causal) seen = mx::logical_and(seen, mx::less_equal(key, mx::add(query, mx::array(T - S))));
  auto score = mx::multiply(mx::matmul(heads(q), mx::transpose(repeat(k), {0, 1, 3, 2})), mx::array(scale));
  auto p = mx::softmax(mx::where(seen, score, mx::array(-1e30f)), -1, true);
  p = mx::where(seen, p, mx::array(0.0f));
  return heads(mx::matmul(p, repeat(v)));
}

mx::array attention(const mx::array &q, const mx::array &k, const mx::array &v, const Optional &first,
                    const Optional &last, float scale, bool causal) {
  require(q.ndim() == 4 && k.ndim() == 4 && k.shape() == v.shape() && f32(q) && f32(k) && f32(v),
          "attention: f32 q [B,S,H,D], k and v [B,T,Hk,D]");
  const int B = q.shape(0), S = q.shape(1), H = q.shape(2), D = q.shape(3), T = k.shape(1), Hk = k.shape(2);
  require(k.shape(0) == B && k.shape(3) == D && Hk > 0 && H % Hk == 0 && (!causal || T >= S),
          "attention: shapes of q, k and v differ");
  for (auto &range : {first, last})
    require(!range || (range->ndim() == 1 && range->shape(0) == B), "attention: key ranges [B]");
  auto from = first ? mx::astype(*first, mx::int32) : mx::zeros({B}, mx::int32);
  auto to = last ? mx::astype(*last, mx::int32) : mx::full({B}, T, mx::int32);
  if (plain()) return plain_attention(q, k, v, from, to, scale, causal);

  const int group = H / Hk, ldq = H * D, ldk = Hk * D;
  const size_t st = size_t(S) * T, work = size_t(B) * H * st * 8;
  auto qs = q.shape(), ks = k.shape();
  auto limits = [=](const int32_t *first, const int32_t *last, size_t b, int r) {
    int a = std::clamp(first[b], 0, T), z = std::clamp(last[b], a, T);
    return std::pair(a, causal ? std::clamp(T - S + r + 1, a, z) : z);
  };
  const bool keeps = st <= size_t(kKeptAttention) * kKeptAttention;
  const int tile = keeps ? S : 256;
  // Rows `row`... of one head.
  auto make = [=](const float *q, const float *k, const int32_t *first, const int32_t *last, size_t b, int row, int rows,
                  float *p) {
    sgemm_one_thread(kRowMajor, kPlain, kTransposed, rows, T, D, 1, q + size_t(row) * ldq, ldq, k, ldk, 0, p, T);
    for (int r = 0; r < rows; r++) {
      auto [a, z] = limits(first, last, b, row + r);
      softmax_row(p + size_t(r) * T, a, z, T, scale);
    }
  };
  std::vector<mx::Shape> shapes{qs};
  if (keeps) shapes.push_back({B, H, S, T});
  return fused("attention", {q, k, v, from, to}, shapes,
    [=](auto &in, auto &out) {
      auto first = (const int32_t *)in[3], last = (const int32_t *)in[4];
      parallel(size_t(B) * H, work, [&](size_t begin, size_t end) {  // each (row, head) on one thread
        std::vector<float> scratch(keeps ? 0 : size_t(tile) * T);
        for (size_t i = begin; i < end; i++) {
          const size_t b = i / H, h = i % H, kv = h / group;
          auto q = (const float *)in[0] + b * S * ldq + h * D, k = (const float *)in[1] + b * T * ldk + kv * D,
               v = (const float *)in[2] + b * T * ldk + kv * D;
          auto y = (float *)out[0] + b * S * ldq + h * D;
          for (int row = 0; row < S; row += tile) {
            const int rows = std::min(tile, S - row);
            auto p = keeps ? (float *)out[1] + i * st : scratch.data();
            make(q, k, first, last, b, row, rows, p);
            sgemm_one_thread(kRowMajor, kPlain, kPlain, rows, D, T, 1, p, T, v, ldk, 0, y + size_t(row) * ldq, ldq);
          }
        }
      });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &out) -> Arrays {
      Arrays given{in[0], in[1], in[2], dy[0]};
      if (keeps) given.push_back(out[1]);
      else given.insert(given.end(), {in[3], in[4]});
      auto g = fused("attention_d", given, {qs, ks, ks}, [=](auto &in, auto &out) {
        parallel(size_t(B) * Hk, work, [&](size_t begin, size_t end) {  // a group of heads adds up on one thread
          std::vector<float> dp(st), again(keeps ? 0 : st);
          for (size_t i = begin; i < end; i++)
            for (int j = 0; j < group; j++) {
              const size_t b = i / Hk, kv = i % Hk, h = kv * group + j;
              const float add = j ? 1 : 0;
              auto q = (const float *)in[0] + b * S * ldq + h * D, k = (const float *)in[1] + b * T * ldk + kv * D,
                   v = (const float *)in[2] + b * T * ldk + kv * D, d = (const float *)in[3] + b * S * ldq + h * D,
                   p = keeps ? (const float *)in[4] + (b * H + h) * st : again.data();
              if (!keeps) make(q, k, (const int32_t *)in[4], (const int32_t *)in[5], b, 0, S, again.data());
              auto dq = (float *)out[0] + b * S * ldq + h * D, dk = (float *)out[1] + b * T * ldk + kv * D,
                   dv = (float *)out[2] + b * T * ldk + kv * D;
              sgemm_one_thread(kRowMajor, kTransposed, kPlain, T, D, S, 1, p, T, d, ldq, add, dv, ldk);
              sgemm_one_thread(kRowMajor, kPlain, kTransposed, S, T, D, 1, d, ldq, v, ldk, 0, dp.data(), T);
              for (int r = 0; r < S; r++) softmax_d_row(dp.data() + size_t(r) * T, p + size_t(r) * T, T, scale);
              sgemm_one_thread(kRowMajor, kPlain, kPlain, S, D, T, 1, dp.data(), T, k, ldk, 0, dq, ldq);
              sgemm_one_thread(kRowMajor, kTransposed, kPlain, T, D, S, 1, dp.data(), T, q, ldq, add, dk, ldk);
            }
        });
      });
      return {g[0], g[1], g[2], mx::zeros_like(in[3]), mx::zeros_like(in[4])};
    })[0];
}
}  // namespace kernels
