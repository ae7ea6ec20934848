#include <cstring>

#include "jobs.hpp"
#include "stream/coarser.hpp"
#include "stream/payload.hpp"

namespace gaussitu::addon {

namespace {

/// A payload from a payload.
class PayloadJob : public Job {
 public:
  PayloadJob(Napi::Env env, const Napi::Value& payload) : Job(env) {
    payload_ = bytes(payload, "payload", kept_);
  }

 protected:
  Napi::Value result(Napi::Env env) override {
    auto out = Napi::Uint8Array::New(env, made_.size());
    std::memcpy(out.Data(), made_.data(), made_.size());
    return out;
  }

  std::span<const uint8_t> payload_;
  std::vector<uint8_t> made_;
};

class ResolveJob final : public PayloadJob {
 public:
  ResolveJob(Napi::Env env, const Napi::Value& payload, const Napi::Value& previous)
      : PayloadJob(env, payload) {
    previous_ = bytes(previous, "previous", kept_);
  }

 protected:
  void work(const Control&) override {
    const QuantisedModel base = parse_payload(previous_);
    made_ = encode_payload(parse_payload(payload_, &base));
  }

 private:
  std::span<const uint8_t> previous_;
};

class CoarserJob final : public PayloadJob {
 public:
  CoarserJob(Napi::Env env, const Napi::Value& payload, double part)
      : PayloadJob(env, payload), part_(part) {}

 protected:
  void work(const Control&) override { made_ = encode_payload(parse_coarser(payload_, part_)); }

 private:
  const double part_;
};

}  // namespace

Napi::Value start_resolve(const Napi::CallbackInfo& info) {
  return std::make_shared<ResolveJob>(info.Env(), info[0], info[1])
      ->start(info.Env(), info.Env().Undefined());
}

Napi::Value start_coarser(const Napi::CallbackInfo& info) {
  if (!info[1].IsNumber()) invalid(info.Env(), "Expected a number for part");
  return std::make_shared<CoarserJob>(info.Env(), info[0], info[1].As<Napi::Number>().DoubleValue())
      ->start(info.Env(), info.Env().Undefined());
}

}  // namespace gaussitu::addon
