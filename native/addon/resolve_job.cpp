#include <cstring>

#include "jobs.hpp"
#include "stream/payload.hpp"

namespace gaussitu::addon {

namespace {

class ResolveJob final : public Job {
 public:
  ResolveJob(Napi::Env env, const Napi::Value& payload, const Napi::Value& previous) : Job(env) {
    payload_ = bytes(payload, "payload", kept_);
    previous_ = bytes(previous, "previous", kept_);
  }

 protected:
  void work(const Control&) override {
    const QuantisedModel base = parse_payload(previous_);
    whole_ = encode_payload(parse_payload(payload_, &base));
  }

  Napi::Value result(Napi::Env env) override {
    auto out = Napi::Uint8Array::New(env, whole_.size());
    std::memcpy(out.Data(), whole_.data(), whole_.size());
    return out;
  }

 private:
  std::span<const uint8_t> payload_, previous_;
  std::vector<uint8_t> whole_;
};

}  // namespace

Napi::Value start_resolve(const Napi::CallbackInfo& info) {
  return std::make_shared<ResolveJob>(info.Env(), info[0], info[1])
      ->start(info.Env(), info.Env().Undefined());
}

}  // namespace gaussitu::addon
