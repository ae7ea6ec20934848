#include <cstring>

#include "encode/encode.hpp"
#include "jobs.hpp"

namespace gaussitu::addon {

namespace {

class EncodeJob final : public Job {
 public:
  EncodeJob(Napi::Env env, const Napi::Object& request) : Job(env) {
    mesh_ = mesh(request, kept_);
    const auto data = bytes(request.Get("data"), "data", kept_);
    values_.dtype = dtype(request);
    const size_t width = values_.dtype == Dtype::f32 ? 4 : 8;
    const auto components = static_cast<size_t>(number(request, "components"));
    const auto component = static_cast<size_t>(number(request, "component"));
    if (components < 1 || component >= components || data.size() % (width * components) != 0)
      invalid(env, "Expected data of whole values of " + std::to_string(components) +
                       " components but received " + std::to_string(data.size()) + " bytes");
    values_.count = data.size() / width / components;
    values_.stride = components;
    // A view without data means "positions only" to the core.
    values_.data = data.empty() ? static_cast<const void*>(&nothing_) : data.data() + component * width;

    settings_.target.bytes = static_cast<size_t>(number_or(request, "bytes", 0));
    settings_.target.psnr = number_or(request, "psnr", 0);
    settings_.target.gaussians = static_cast<size_t>(number_or(request, "gaussians", 0));
    settings_.optimiser =
        number(request, "optimiser") == 1 ? Optimiser::adam : Optimiser::levenberg_marquardt;
    settings_.iterations = static_cast<int>(number_or(request, "iterations", 0));
    settings_.seconds = number_or(request, "seconds", 0);
    if (!request.Get("previous").IsUndefined())
      settings_.previous = bytes(request.Get("previous"), "previous", kept_);
  }

 protected:
  void work(const Control& control) override {
    result_ = encode(mesh_.mesh, mesh_.association, values_, settings_, control);
  }

  Napi::Value result(Napi::Env env) override {
    const Metrics& m = result_.metrics;
    Napi::Object metrics = Napi::Object::New(env);
    metrics.Set("valueMin", m.value_min);
    metrics.Set("valueMax", m.value_max);
    metrics.Set("rmse", m.rmse);
    metrics.Set("maxError", m.max_error);
    metrics.Set("psnr", m.psnr);
    metrics.Set("values", static_cast<double>(m.values));
    metrics.Set("nonFinite", static_cast<double>(m.non_finite));
    metrics.Set("crc", m.crc);

    auto payload = Napi::Uint8Array::New(env, result_.payload.size());
    std::memcpy(payload.Data(), result_.payload.data(), result_.payload.size());
    Napi::Object out = Napi::Object::New(env);
    out.Set("payload", payload);
    out.Set("metrics", metrics);
    out.Set("gaussians", static_cast<double>(result_.gaussians));
    out.Set("iterations", result_.training.iterations);
    out.Set("trainSeconds", result_.training.seconds);
    out.Set("pairEvaluations", result_.training.pair_evaluations);
    out.Set("start", result_.warm ? "warm" : "cold");
    return out;
  }

 private:
  MeshArguments mesh_;
  ArrayView values_;
  EncodeSettings settings_;
  EncodeResult result_;
  double nothing_ = 0;
};

}  // namespace

Napi::Value start_encode(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject()) invalid(info.Env(), "Expected an object for request");
  return std::make_shared<EncodeJob>(info.Env(), info[0].As<Napi::Object>())->start(info.Env(), info[1]);
}

}  // namespace gaussitu::addon
