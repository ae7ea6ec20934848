#include <cmath>
#include <cstring>
#include <string>

#include "bounded/bounded.hpp"
#include "handle.hpp"
#include "jobs.hpp"
#include "metrics.hpp"

namespace gaussitu::addon {

namespace {

constexpr napi_type_tag kLayoutTag{0x6761757373697475u, 0x6c61796f75740001u};
constexpr napi_type_tag kStateTag{0x6761757373697475u, 0x7374617465000001u};

class LayoutJob final : public Job {
 public:
  LayoutJob(Napi::Env env, const Napi::Object& at) : Job(env) {
    if (at.Get("values").IsUndefined())
      mesh_ = mesh(at, kept_);
    else
      count_ = static_cast<size_t>(number(at, "values"));
  }

 protected:
  void work(const Control&) override {
    layout_ = count_ > 0 ? make_layout(count_) : make_layout(mesh_.mesh, mesh_.association);
  }
  Napi::Value result(Napi::Env env) override {
    const NeighbourPlan& p = layout_->plan;
    const size_t bytes = 4 * (layout_->order.size() + p.order.size() + p.neighbours.size() + p.mean.size() +
                              p.linear.size() + 3 * p.slope[0].size()) +
                         (layout_->placed ? 16 * layout_->size() : 0);
    Napi::Object out = make_handle<Layout>(env, layout_, kLayoutTag, bytes);
    out.Set("values", static_cast<double>(layout_->size()));
    return out;
  }

 private:
  MeshArguments mesh_;
  size_t count_ = 0;
  std::shared_ptr<const Layout> layout_;
};

std::vector<SharedState> states(const Napi::Object& request, const char* key) {
  const Napi::Value list = request.Get(key);
  if (!list.IsArray()) invalid(request.Env(), std::string("Expected an array for ") + key);
  std::vector<SharedState> out;
  for (uint32_t i = 0; i < list.As<Napi::Array>().Length(); ++i)
    out.push_back(from_handle<FieldState>(list.As<Napi::Array>().Get(i), kStateTag, "state"));
  return out;
}

Napi::Object state_js(Napi::Env env, const SharedState& state) {
  return make_handle<FieldState>(env, state, kStateTag, state->bytes());
}

class EncodeBoundedJob final : public Job {
 public:
  EncodeBoundedJob(Napi::Env env, const Napi::Object& request) : Job(env) {
    layout_ = from_handle<Layout>(request.Get("layout"), kLayoutTag, "layout");
    values_ = field_values(request, kept_);
    target_.absolute = number_or(request, "abs", -1);
    target_.relative = number_or(request, "rel", 0);
    target_.pointwise = number_or(request, "pwRel", 0);
    rate_.bytes = static_cast<size_t>(number_or(request, "bytes", 0));
    rate_.psnr = number_or(request, "psnr", 0);
    rate_.guess = number_or(request, "guess", 0);
    const Napi::Value fills = request.Get("fills");
    if (fills.IsArray())
      for (uint32_t i = 0; i < fills.As<Napi::Array>().Length(); ++i)
        fills_.push_back(fills.As<Napi::Array>().Get(i).ToNumber().DoubleValue());
    references_ = {states(request, "earlier"), states(request, "siblings")};
    model_.share = number_or(request, "modelShare", 0);
    if (!request.Get("previousModel").IsUndefined())
      model_.previous = bytes(request.Get("previousModel"), "previousModel", kept_);
  }

 protected:
  void work(const Control&) override {
    result_ = rate_.bytes > 0 || rate_.psnr > 0
                  ? encode_to_rate(*layout_, values_, rate_, fills_, references_, model_)
                  : encode_bounded(*layout_, values_, target_, fills_, references_, model_);
    references_ = {};
  }

  Napi::Value result(Napi::Env env) override {
    auto payload = Napi::Uint8Array::New(env, result_.payload.size());
    std::memcpy(payload.Data(), result_.payload.data(), result_.payload.size());
    Napi::Array siblings = Napi::Array::New(env);
    for (uint32_t i = 0; i < result_.siblings.size(); ++i)
      siblings.Set(i, static_cast<double>(result_.siblings[i]));
    Napi::Object out = Napi::Object::New(env);
    out.Set("payload", payload);
    out.Set("metrics", metrics_js(env, result_.metrics));
    out.Set("bound", result_.bound);
    out.Set("state", state_js(env, result_.state));
    out.Set("siblings", siblings);
    out.Set("usesEarlier", result_.uses_earlier);
    if (const BoundedModel& m = result_.model; m.bytes > 0) {
      Napi::Object model = Napi::Object::New(env);
      model.Set("bytes", static_cast<double>(m.bytes));
      model.Set("gaussians", static_cast<double>(m.gaussians));
      model.Set("psnr", m.psnr);
      model.Set("reference", m.reference);
      model.Set("iterations", m.iterations);
      model.Set("start", m.warm ? "warm" : "cold");
      model.Set("device", m.device);
      out.Set("model", model);
    }
    return out;
  }

 private:
  std::shared_ptr<const Layout> layout_;
  ArrayView values_;
  BoundTarget target_;
  RateTarget rate_;
  std::vector<double> fills_;
  BoundedReferences references_;
  ModelRequest model_;
  BoundedResult result_;
};

class DecodeBoundedJob final : public Job {
 public:
  DecodeBoundedJob(Napi::Env env, const Napi::Object& request) : Job(env) {
    layout_ = from_handle<Layout>(request.Get("layout"), kLayoutTag, "layout");
    payload_ = bytes(request.Get("payload"), "payload", kept_);
    dtype_ = dtype(request);
    references_ = {states(request, "earlier"), states(request, "siblings")};
  }

 protected:
  void work(const Control&) override {
    decoded_ = decode_bounded(*layout_, dtype_, payload_, references_);
    references_ = {};
  }

  Napi::Value result(Napi::Env env) override {
    Napi::Object out = Napi::Object::New(env);
    if (const auto* f32 = std::get_if<Array<float>>(&decoded_.values())) {
      auto values = Napi::Float32Array::New(env, f32->size());
      if (!f32->empty()) std::memcpy(values.Data(), f32->data(), f32->size() * sizeof(float));
      out.Set("values", values);
    } else {
      const auto& f64 = std::get<Array<double>>(decoded_.values());
      auto values = Napi::Float64Array::New(env, f64.size());
      if (!f64.empty()) std::memcpy(values.Data(), f64.data(), f64.size() * sizeof(double));
      out.Set("values", values);
    }
    out.Set("state", state_js(env, decoded_.state));
    return out;
  }

 private:
  std::shared_ptr<const Layout> layout_;
  std::span<const uint8_t> payload_;
  Dtype dtype_ = Dtype::f32;
  BoundedReferences references_;
  BoundedDecoded decoded_;
};

template <class JobType>
Napi::Value start_job(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject()) invalid(info.Env(), "Expected an object for request");
  return std::make_shared<JobType>(info.Env(), info[0].As<Napi::Object>())
      ->start(info.Env(), info.Env().Undefined());
}

template <class T>
std::shared_ptr<FieldState> state_of(const Napi::Value& array) {
  const auto given = array.As<Napi::TypedArrayOf<T>>();
  Array<T> values(given.Data(), given.Data() + given.ElementLength());
  for (T& v : values) v = std::isfinite(v) ? v : T{0};
  auto state = std::make_shared<FieldState>();
  state->values = std::move(values);
  return state;
}

}  // namespace

Napi::Value make_state_js(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto type =
      info[0].IsTypedArray() ? info[0].As<Napi::TypedArray>().TypedArrayType() : napi_int8_array;
  if (type == napi_float32_array) return state_js(env, state_of<float>(info[0]));
  if (type == napi_float64_array) return state_js(env, state_of<double>(info[0]));
  invalid(env, "Expected a Float32Array or Float64Array for values");
}

Napi::Value start_layout(const Napi::CallbackInfo& info) {
  return start_job<LayoutJob>(info);
}
Napi::Value start_encode_bounded(const Napi::CallbackInfo& info) {
  return start_job<EncodeBoundedJob>(info);
}
Napi::Value start_decode_bounded(const Napi::CallbackInfo& info) {
  return start_job<DecodeBoundedJob>(info);
}

}  // namespace gaussitu::addon
