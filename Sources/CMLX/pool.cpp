#include "pool.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace engine {

int available_cpus() {
  int n = std::max(1, int(std::thread::hardware_concurrency()));
#ifdef __linux__
  // hardware_concurrency does not know control-group quotas: "max 100000" or "150000 100000"
  if (FILE *f = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    long quota = 0, period = 0;
    if (std::fscanf(f, "%ld %ld", &quota, &period) == 2 && quota > 0 && period > 0)
      n = std::min<long>(n, std::max<long>(1, (quota + period - 1) / period));
    std::fclose(f);
  }
#endif
  return n;
}

Pool::Pool() {
  const char *e = std::getenv("CMLX_THREADS");
  resize(e ? std::atoi(e) : available_cpus());
}

void Pool::resize(int n) {
  std::lock_guard<std::mutex> one(caller_);
  std::lock_guard<std::mutex> l(mutex_);
  size_ = std::clamp(n, 1, 256);
  try {
    for (; started_ < size_; started_++) std::thread([this, i = started_, g = generation_] { work(i, g); }).detach();
  } catch (const std::system_error &) {
    size_ = started_;  // the system gives no more threads: these do
  }
}

void Pool::run(const Body &body) {
  std::lock_guard<std::mutex> one(caller_);
  const int parts = size_;
  if (parts == 1) return body(0, 1);
  {
    std::lock_guard<std::mutex> l(mutex_);
    body_ = &body;
    parts_ = parts;
    left_ = parts - 1;
    failed_ = nullptr;
    generation_++;
  }
  wake_.notify_all();
  attempt(body, 0, parts);
  std::unique_lock<std::mutex> l(mutex_);
  done_.wait(l, [&] { return left_ == 0; });  // even after a failure: the others still use the body
  if (failed_) std::rethrow_exception(failed_);
}

void Pool::attempt(const Body &body, int part, int parts) {
  try {
    body(part, parts);
  } catch (...) {
    std::lock_guard<std::mutex> l(mutex_);
    if (!failed_) failed_ = std::current_exception();
  }
}

// `seen` is the generation when the thread was ordered: what comes while it starts must not be missed.
void Pool::work(int part, uint64_t seen) {
  for (;;) {
    const Body *body;
    int parts;
    {
      std::unique_lock<std::mutex> l(mutex_);
      wake_.wait(l, [&] { return generation_ != seen; });
      seen = generation_;
      body = body_;
      parts = parts_;
    }
    if (part >= parts) continue;  // not of this job, which may be over: its body must not be touched
    attempt(*body, part, parts);
    std::lock_guard<std::mutex> l(mutex_);
    if (--left_ == 0) done_.notify_one();
  }
}
}  // namespace engine
