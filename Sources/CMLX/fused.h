// A primitive made of two closures: what to compute, and how to build its gradient graph.
#pragma once
#include <mlx/mlx.h>

#include <functional>

#include "engine.h"

namespace kernels {
namespace mx = mlx::core;
using Arrays = std::vector<mx::array>;
using Inputs = std::vector<const void *>;
using Outputs = std::vector<void *>;
using Compute = std::function<void(const Inputs &, const Outputs &)>;
// Returns one gradient per input. They are lazy: MLX never computes those that nobody asks for.
using Gradient = std::function<Arrays(const Arrays &in, const Arrays &cotangents, const Arrays &out)>;

// Outputs of the given shapes, f32 where no types are given. The closures must not throw: they run on MLX's stream thread.
Arrays fused(const char *label, Arrays in, std::vector<mx::Shape> shapes, Compute c, Gradient g = nullptr,
             std::vector<mx::Dtype> types = {});

inline void require(bool ok, const char *what) {
  if (!ok) throw std::invalid_argument(what);
}
inline bool f32(const mx::array &a) { return a.dtype() == mx::float32; }
}  // namespace kernels
