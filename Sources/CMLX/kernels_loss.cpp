// Cross-entropy per row, and the connectionist temporal classification (CTC) loss per sample.
#include <algorithm>

#include "fused.h"
#include "kernels.h"
#include "pool.h"
#include "simd.h"

namespace kernels {
using namespace engine;

SIMD_BEGIN
static void cross_entropy_rows(float *loss, float *lse, const float *logits, const int32_t *label, float *scratch,
                               size_t V, size_t from, size_t to) {
  for (size_t r = from; r < to; r++) {
    auto x = logits + r * V;
    loss[r] = lse[r] = 0;
    if (label[r] < 0) continue;
    float top = max_of(x, V);
    lse[r] = top + std::log(sum_exp(scratch, x, top, 1, V));
    loss[r] = size_t(label[r]) < V ? lse[r] - x[label[r]] : NAN;
  }
}
static void cross_entropy_d_rows(float *out, const float *logits, const int32_t *label, const float *dy, const float *lse,
                                 size_t V, size_t from, size_t to) {
  for (size_t r = from; r < to; r++) {
    auto x = logits + r * V;
    auto dx = out + r * V;
    if (label[r] < 0) {
      std::memset(dx, 0, V * sizeof(float));
      continue;
    }
    for (size_t j = 0; j < V; j++) dx[j] = fast_exp(x[j] - lse[r]) * dy[r];
    if (size_t(label[r]) < V) dx[label[r]] -= dy[r];
  }
}
static float log_sum_exp(float *scratch, const float *x, size_t V) {
  float top = max_of(x, V);
  return top + std::log(sum_exp(scratch, x, top, 1, V));
}
static void softmax_given(float *y, const float *x, float lse, size_t V) {
  for (size_t j = 0; j < V; j++) y[j] = fast_exp(x[j] - lse);
}
SIMD_END

// A negative label means "not labelled": loss and gradient 0. One beyond the vocabulary: NaN.
mx::array cross_entropy(const mx::array &logits, const mx::array &labels) {
  require(logits.ndim() >= 1 && f32(logits) && logits.shape(-1) > 0, "cross_entropy: f32 logits [..., V]");
  auto shape = logits.shape();
  const mx::Shape rows(shape.begin(), shape.end() - 1);
  require(labels.shape() == rows, "cross_entropy: one label per row");
  const size_t V = shape.back(), N = logits.size() / V;
  auto y = mx::astype(labels, mx::int32);
  if (plain()) {
    auto at = mx::expand_dims(mx::clip(y, mx::array(0), mx::array(int(V) - 1)), -1);
    auto loss = mx::subtract(mx::logsumexp(logits, -1), mx::squeeze(mx::take_along_axis(logits, at, -1), -1));
    loss = mx::where(mx::less(y, mx::array(int(V))), loss, mx::array(NAN));
    return mx::where(mx::less(y, mx::array(0)), mx::array(0.0f), loss);
  }
  return fused("cross_entropy", {logits, y}, {rows, rows},
    [=](auto &in, auto &out) {
      parallel(N, N * V, [&](size_t a, size_t b) {
        std::vector<float> scratch(V);
        cross_entropy_rows((float *)out[0], (float *)out[1], (const float *)in[0], (const int32_t *)in[1], scratch.data(),
                           V, a, b);
      });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &out) -> Arrays {
      auto d = fused("cross_entropy_d", {in[0], in[1], dy[0], out[1]}, {shape}, [=](auto &in, auto &out) {
        parallel(N, N * V, [&](size_t a, size_t b) {
          cross_entropy_d_rows((float *)out[0], (const float *)in[0], (const int32_t *)in[1], (const float *)in[2],
                               (const float *)in[3], V, a, b);
        });
      });
      return {d[0], mx::zeros_like(in[1])};
    })[0];
}

static double add_logs(double a, double b) {
  if (a < b) std::swap(a, b);
  return b == -INFINITY ? a : a + std::log1p(std::exp(b - a));
}

// One sample: the loss and its gradient by the logits (Graves et al. 2006, in logarithms). An impossible alignment (more
// labels than frames can hold) has loss 0 and no gradient, as PyTorch's zero_infinity.
static float ctc_sample(float *grad, const float *logits, const int32_t *label, int frames, int length, int T, int V) {
  std::memset(grad, 0, size_t(T) * V * sizeof(float));
  const int S = 2 * length + 1;
  bool valid = frames >= 1 && frames <= T && length >= 0;
  for (int i = 0; valid && i < length; i++) valid = label[i] > 0 && label[i] < V;
  if (!valid) return NAN;
  std::vector<float> lse(frames), scratch(V);
  for (int t = 0; t < frames; t++) lse[t] = log_sum_exp(scratch.data(), logits + size_t(t) * V, V);
  auto at = [&](int t, int s) { return double(logits[size_t(t) * V + (s % 2 ? label[s / 2] : 0)]) - lse[t]; };
  auto skips = [&](int s) { return s % 2 && s >= 3 && label[s / 2] != label[s / 2 - 1]; };
  std::vector<double> alpha(size_t(frames) * S, -INFINITY), beta(alpha);
  alpha[0] = at(0, 0);
  if (S > 1) alpha[1] = at(0, 1);
  for (int t = 1; t < frames; t++)
    for (int s = 0; s < S; s++) {
      auto before = alpha.data() + size_t(t - 1) * S;
      double sum = before[s];
      if (s > 0) sum = add_logs(sum, before[s - 1]);
      if (skips(s)) sum = add_logs(sum, before[s - 2]);
      alpha[size_t(t) * S + s] = sum + at(t, s);
    }
  auto end = alpha.data() + size_t(frames - 1) * S;
  const double total = S > 1 ? add_logs(end[S - 1], end[S - 2]) : end[0];
  if (total == -INFINITY) return 0;
  auto last = beta.data() + size_t(frames - 1) * S;
  last[S - 1] = 0;
  if (S > 1) last[S - 2] = 0;
  for (int t = frames - 2; t >= 0; t--)
    for (int s = 0; s < S; s++) {
      auto after = beta.data() + size_t(t + 1) * S;
      double sum = after[s] + at(t + 1, s);
      if (s + 1 < S) sum = add_logs(sum, after[s + 1] + at(t + 1, s + 1));
      if (s + 2 < S && skips(s + 2)) sum = add_logs(sum, after[s + 2] + at(t + 1, s + 2));
      beta[size_t(t) * S + s] = sum;
    }
  for (int t = 0; t < frames; t++) {
    auto g = grad + size_t(t) * V;
    softmax_given(g, logits + size_t(t) * V, lse[t], V);
    for (int s = 0; s < S; s++) {
      double p = alpha[size_t(t) * S + s] + beta[size_t(t) * S + s] - total;
      if (p > -50) g[s % 2 ? label[s / 2] : 0] -= float(std::exp(p));
    }
  }
  return float(-total);
}

mx::array ctc_loss(const mx::array &logits, const mx::array &labels, const mx::array &frames, const mx::array &lengths) {
  require(logits.ndim() == 3 && f32(logits) && labels.ndim() == 2 && labels.shape(0) == logits.shape(0),
          "ctc_loss: f32 logits [B,T,V], labels [B,L]");
  const int B = logits.shape(0), T = logits.shape(1), V = logits.shape(2), L = labels.shape(1);
  require(!plain(), "ctc_loss: this device or CPU lacks the kernels' instructions (x86-64 needs AVX2 and FMA)");
  require(V > 1 && frames.shape() == mx::Shape{B} && lengths.shape() == mx::Shape{B}, "ctc_loss: lengths [B]");
  auto shape = logits.shape();
  auto i32 = [](const mx::array &a) { return mx::astype(a, mx::int32); };
  return fused("ctc_loss", {logits, i32(labels), i32(frames), i32(lengths)}, {mx::Shape{B}, shape},
    [=](auto &in, auto &out) {
      auto label = (const int32_t *)in[1], frames = (const int32_t *)in[2], lengths = (const int32_t *)in[3];
      parallel(B, size_t(B) * T * V, [&](size_t a, size_t b) {
        for (size_t i = a; i < b; i++)
          ((float *)out[0])[i] =
              ctc_sample((float *)out[1] + i * T * V, (const float *)in[0] + i * T * V, label + i * L, frames[i],
                         std::min(lengths[i], L), T, V);
      });
    },
    [=](const Arrays &in, const Arrays &dy, const Arrays &out) -> Arrays {
      return {mx::multiply(out[1], mx::reshape(dy[0], {B, 1, 1})), mx::zeros_like(in[1]), mx::zeros_like(in[2]),
              mx::zeros_like(in[3])};
    })[0];
}
}  // namespace kernels
