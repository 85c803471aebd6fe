// AdamW, one tensor, in place (Loshchilov & Hutter; torch.optim.AdamW's arithmetic).
#include <cmath>

#include "engine.h"
#include "kernels.h"
#include "pool.h"
#include "simd.h"

namespace kernels {
struct Step {
  float rate, root, beta1, beta2, eps, keep;
  inline __attribute__((always_inline)) void over(float *p, const float *g, float *m, float *v, size_t n) const {
    for (size_t i = 0; i < n; i++) {
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      p[i] = p[i] * keep - rate * m[i] / (std::sqrt(v[i]) * root + eps);
    }
  }
};
// The same loop for any CPU, and for one with the kernels' instructions.
static void any(const Step &s, float *p, const float *g, float *m, float *v, size_t n) { s.over(p, g, m, v, n); }
SIMD_BEGIN
static void simd(const Step &s, float *p, const float *g, float *m, float *v, size_t n) { s.over(p, g, m, v, n); }
SIMD_END

void adamw(float *p, const float *g, float *m, float *v, size_t n, float lr, float beta1, float beta2, float eps,
           float decay, int step) {
  const Step s{float(lr / (1 - std::pow(beta1, step))), float(1 / std::sqrt(1 - std::pow(beta2, step))), beta1, beta2, eps,
               1 - lr * decay};
  auto range = engine::plain() ? any : simd;
  engine::parallel(n, n, [&](size_t a, size_t b) { range(s, p + a, g + a, m + a, v + a, b - a); });
}
}  // namespace kernels
