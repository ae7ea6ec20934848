#include <cstring>

#include "encode/encode.hpp"
#include "jobs.hpp"
#include "metrics.hpp"

namespace gaussitu::addon {

namespace {

class EncodeJob final : public Job {
 public:
  EncodeJob(Napi::Env env, const Napi::Object& request) : Job(env) {
    mesh_ = mesh(request, kept_);
    values_ = field_values(request, kept_);

    settings_.target.bytes = static_cast<size_t>(number_or(request, "bytes", 0));
    settings_.target.psnr = number_or(request, "psnr", 0);
    settings_.target.gaussians = static_cast<size_t>(number_or(request, "gaussians", 0));
    settings_.optimiser =
        number(request, "optimiser") == 1 ? Optimiser::adam : Optimiser::levenberg_marquardt;
    settings_.iterations = static_cast<int>(number_or(request, "iterations", 0));
    settings_.seconds = number_or(request, "seconds", 0);
    if (!request.Get("previous").IsUndefined())
      settings_.previous = bytes(request.Get("previous"), "previous", kept_);
    settings_.may_refer = request.Get("mayRefer").ToBoolean();
  }

 protected:
  void work(const Control& control) override {
    result_ = encode(mesh_.mesh, mesh_.association, values_, settings_, control);
  }

  Napi::Value result(Napi::Env env) override {
    const auto array = [&](const std::vector<uint8_t>& from) {
      auto to = Napi::Uint8Array::New(env, from.size());
      std::memcpy(to.Data(), from.data(), from.size());
      return to;
    };
    Napi::Object out = Napi::Object::New(env);
    const auto payload = array(result_.payload);
    out.Set("payload", payload);
    out.Set("refers", result_.refers);
    out.Set("whole", result_.refers ? array(result_.whole) : payload);
    out.Set("metrics", metrics_js(env, result_.metrics));
    out.Set("gaussians", static_cast<double>(result_.gaussians));
    out.Set("iterations", result_.training.iterations);
    out.Set("trainSeconds", result_.training.seconds);
    out.Set("pairEvaluations", result_.training.pair_evaluations);
    out.Set("start", result_.warm ? "warm" : "cold");
    out.Set("device", result_.device);
    return out;
  }

 private:
  MeshArguments mesh_;
  ArrayView values_;
  EncodeSettings settings_;
  EncodeResult result_;
};

}  // namespace

Napi::Value start_encode(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject()) invalid(info.Env(), "Expected an object for request");
  return std::make_shared<EncodeJob>(info.Env(), info[0].As<Napi::Object>())->start(info.Env(), info[1]);
}

}  // namespace gaussitu::addon
