#include <cstring>

#include "encode/measure.hpp"
#include "jobs.hpp"
#include "stream/payload.hpp"

namespace gaussitu::addon {

namespace {

class DecodeJob final : public Job {
 public:
  DecodeJob(Napi::Env env, const Napi::Value& payload, const Napi::Object& at) : Job(env) {
    payload_ = bytes(payload, "payload", kept_);
    mesh_ = mesh(at, kept_);
    dtype_ = dtype(at);
  }

 protected:
  void work(const Control&) override {
    const Model model = decode_payload(payload_);
    const SampleSet positions = make_positions(model.domain, mesh_.mesh, mesh_.association);
    field_ = with_session(positions, Purpose::evaluation,
                          [&](Session& session) { return decode_field(model, session, dtype_); });
  }

  Napi::Value result(Napi::Env env) override {
    Napi::Object out = Napi::Object::New(env);
    const size_t n = field_.values.size();
    if (dtype_ == Dtype::f32) {
      auto values = Napi::Float32Array::New(env, n);
      for (size_t i = 0; i < n; ++i) values.Data()[i] = static_cast<float>(field_.values[i]);
      out.Set("values", values);
    } else {
      auto values = Napi::Float64Array::New(env, n);
      if (n > 0) std::memcpy(values.Data(), field_.values.data(), n * sizeof(double));
      out.Set("values", values);
    }
    auto inside = Napi::Uint8Array::New(env, n);
    if (n > 0) std::memcpy(inside.Data(), field_.inside.data(), n);
    out.Set("inside", inside);
    return out;
  }

 private:
  std::span<const uint8_t> payload_;
  MeshArguments mesh_;
  Dtype dtype_ = Dtype::f32;
  DecodedField field_;
};

}  // namespace

Napi::Value start_decode(const Napi::CallbackInfo& info) {
  if (!info[1].IsObject()) invalid(info.Env(), "Expected an object for at");
  return std::make_shared<DecodeJob>(info.Env(), info[0], info[1].As<Napi::Object>())
      ->start(info.Env(), info.Env().Undefined());
}

}  // namespace gaussitu::addon
