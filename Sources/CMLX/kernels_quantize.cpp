// MLX's affine format: what a weight of each kind looks like, and the way into the format and back.
#include <cfloat>
#include <climits>

#include "weight.h"

namespace kernels {
using namespace engine;

static void check(int group, int bits) {
  require(bits == 8 || bits == 4, "quantised weight: 8 or 4 bits");
  require(group == 32 || group == 64 || group == 128, "quantised weight: groups of 32, 64 or 128");
}

Format format_of(const Matrix &w) {
  require(w.data.ndim() == 2 && w.data.size() > 0, "weight: a matrix [N, K] that is not empty");
  const int N = w.data.shape(0), K = w.data.shape(1);
  auto type = w.data.dtype();
  if (!w.scales) {
    require(type == mx::float32 || type == mx::bfloat16 || type == mx::float16, "weight: f32, bf16 or f16");
    return {type == mx::float32 ? Kind::f32 : type == mx::bfloat16 ? Kind::bf16 : Kind::f16, N, K, 1};
  }
  check(w.group, w.bits);
  require(type == mx::uint32 && K <= INT_MAX / 8, "quantised weight: packed u32 [N, K bits / 32]");
  const int full = K * (32 / w.bits);
  require(full % w.group == 0, "quantised weight: K must be a multiple of the group");
  const mx::Shape groups{N, full / w.group};
  require(w.biases && f32(*w.scales) && f32(*w.biases) && w.scales->shape() == groups && w.biases->shape() == groups,
          "quantised weight: f32 scales and biases [N, K / group]");
  return {w.bits == 8 ? Kind::q8 : Kind::q4, N, full, w.group};
}

SIMD_BEGIN
// The least and the greatest element are the ends of a group's scale, so that no element is off by more than half a step.
// (mx::quantize moves the scale until 0 is on it, and cuts off up to a step at one end.)
template <class T>
static void quantize_groups(uint32_t *packed, float *scales, float *biases, const T *w, int group, int bits, size_t n) {
  const float top = float((1 << bits) - 1);
  const int each = 32 / bits;
  for (size_t g = 0; g < n; g++, w += group) {
    float low = widen(w[0]), high = low, odd = 0;
    for (int i = 0; i < group; i++) {
      float x = widen(w[i]);
      low = x < low ? x : low;
      high = x > high ? x : high;
      odd += x * 0;  // NaN where an element is not finite: the group is then NaN as a whole
    }
    const float scale = (high - low) / top, inverse = scale < FLT_MIN ? 0 : 1 / scale;
    scales[g] = scale;
    biases[g] = low + odd;
    for (int i = 0; i < group; i += each) {
      uint32_t word = 0;
      for (int k = 0; k < each; k++) {
        float q = (widen(w[i + k]) - low) * inverse + 0.5f;
        q = q < top ? q : top;
        q = q > 0 ? q : 0;
        word |= uint32_t(int32_t(q)) << k * bits;
      }
      *packed++ = word;
    }
  }
}
SIMD_END

static Matrix quantize_plain(const mx::array &w, int group, int bits) {  // the same rule
  const int N = w.shape(0), K = w.shape(1), each = 32 / bits;
  const float top = float((1 << bits) - 1);
  auto v = mx::reshape(mx::astype(w, mx::float32), {N, K / group, group});
  auto low = mx::min(v, 2, true), scale = mx::divide(mx::subtract(mx::max(v, 2, true), low), mx::array(top));
  auto inverse = mx::where(mx::less(scale, mx::array(FLT_MIN)), mx::array(0.0f), mx::reciprocal(scale));
  auto q = mx::floor(mx::add(mx::multiply(mx::subtract(v, low), inverse), mx::array(0.5f)));
  auto numbers = mx::astype(mx::clip(q, mx::array(0.0f), mx::array(top)), mx::uint32);
  auto places = mx::astype(mx::multiply(mx::arange(each), mx::array(bits)), mx::uint32);
  auto packed = mx::sum(mx::left_shift(mx::reshape(numbers, {N, K / each, each}), places), 2);
  auto bias = mx::add(low, mx::sum(mx::multiply(v, mx::array(0.0f)), 2, true));
  return {packed, mx::squeeze(scale, 2), mx::squeeze(bias, 2), group, bits};
}

Matrix quantize(const mx::array &w, int group, int bits) {
  check(group, bits);
  const Format f = format_of({w});
  require(f.K % group == 0, "quantize: a row must be a multiple of the group");
  if (plain()) return quantize_plain(w, group, bits);
  const mx::Shape packed{f.N, f.K / (32 / bits)}, groups{f.N, f.K / group};
  auto out = fused("quantize", {w}, {packed, groups, groups},
    [=](auto &in, auto &out) {
      parallel(size_t(f.N) * (f.K / group), size_t(f.N) * f.K, [&](size_t a, size_t b) {
        auto run = [&](auto *w) {
          quantize_groups((uint32_t *)out[0] + a * group * bits / 32, (float *)out[1] + a, (float *)out[2] + a,
                          w + a * group, group, bits, b - a);
        };
        if (f.kind == Kind::f32) run((const float *)in[0]);
        else if (f.kind == Kind::bf16) run((const uint16_t *)in[0]);
        else run((const _Float16 *)in[0]);
      });
    },
    nullptr, {mx::uint32, mx::float32, mx::float32});
  return {out[0], out[1], out[2], group, bits};
}

mx::array dequantize(const Matrix &w) {
  const Format f = format_of(w);
  require(f.quantised(), "dequantize: scales and biases");
  if (plain()) return mx::dequantize(w.data, *w.scales, *w.biases, w.group, w.bits);
  return fused("dequantize", {w.data, *w.scales, *w.biases}, {mx::Shape{f.N, f.K}}, [=](auto &in, auto &out) {
    Weight(f, in, 0).widen_rows(0, f.N, (float *)out[0]);
  })[0];
}
}  // namespace kernels
