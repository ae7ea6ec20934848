#include <optional>
#include <variant>

#include "handle.hpp"
#include "jobs.hpp"
#include "query/query.hpp"
#include "stream/payload.hpp"

namespace gaussitu::addon {

namespace {

constexpr napi_type_tag kModelTag{0x6761757373697475u, 0x6d6f64656c000001u};

/// The vector's memory as a typed array, not copied.
template <class Array, class T>
Array hand_over(Napi::Env env, gaussitu::Array<T>& values) {
  if (values.empty()) return Array::New(env, 0);
  auto* kept = new gaussitu::Array<T>(std::move(values));
  const auto buffer = Napi::ArrayBuffer::New(
      env, kept->data(), kept->size() * sizeof(T), [](Napi::Env, void*, gaussitu::Array<T>* v) { delete v; },
      kept);
  return Array::New(env, kept->size(), buffer, 0);
}

class OpenJob final : public Job {
 public:
  OpenJob(Napi::Env env, const Napi::Value& payload) : Job(env) {
    payload_ = bytes(payload, "payload", kept_);
  }

 protected:
  void work(const Control&) override { model_ = std::make_shared<QueryModel>(decode_payload(payload_)); }
  Napi::Value result(Napi::Env env) override {
    return make_handle<QueryModel>(env, model_, kModelTag,
                                   model_->index.bytes() + 4 * 10 * model_->model.count());
  }

 private:
  std::span<const uint8_t> payload_;
  std::shared_ptr<const QueryModel> model_;
};

class DecodeJob final : public Job {
 public:
  DecodeJob(Napi::Env env, const Napi::Value& model, const Napi::Object& at) : Job(env) {
    if (model.IsTypedArray())
      payload_ = bytes(model, "payload", kept_);
    else
      model_ = from_handle<QueryModel>(model, kModelTag, "an open model");
    mesh_ = mesh(at, kept_);
    box_ = index_box(at);
    gradient_ = at.Get("gradient").ToBoolean();
    if (dtype(at) == Dtype::f64) answers_ = Answers<double>{};
  }

 protected:
  void work(const Control&) override {
    std::optional<Model> decoded;
    if (!model_) decoded = decode_payload(payload_);
    const Places places = find_places(decoded ? decoded->domain : model_->model.domain, mesh_.mesh,
                                      mesh_.association, box_ ? &*box_ : nullptr);
    if (decoded)
      model_ = std::make_shared<QueryModel>(std::move(*decoded), static_cast<double>(places.total()));
    std::visit([&]<class T>(Answers<T>& out) { out = query<T>(*model_, places, gradient_); }, answers_);
  }

  Napi::Value result(Napi::Env env) override {
    Napi::Object out = Napi::Object::New(env);
    std::visit(
        [&]<class T>(Answers<T>& answers) {
          out.Set("values", hand_over<Napi::TypedArrayOf<T>>(env, answers.values));
          out.Set("inside", hand_over<Napi::Uint8Array>(env, answers.inside));
          if (gradient_) out.Set("gradient", hand_over<Napi::TypedArrayOf<T>>(env, answers.gradient));
        },
        answers_);
    return out;
  }

 private:
  std::span<const uint8_t> payload_;
  std::shared_ptr<const QueryModel> model_;
  MeshArguments mesh_;
  std::optional<IndexBox> box_;
  bool gradient_ = false;
  std::variant<Answers<float>, Answers<double>> answers_;
};

}  // namespace

Napi::Value start_open(const Napi::CallbackInfo& info) {
  return std::make_shared<OpenJob>(info.Env(), info[0])->start(info.Env(), info.Env().Undefined());
}

Napi::Value start_decode(const Napi::CallbackInfo& info) {
  if (!info[1].IsObject()) invalid(info.Env(), "Expected an object for at");
  return std::make_shared<DecodeJob>(info.Env(), info[0], info[1].As<Napi::Object>())
      ->start(info.Env(), info.Env().Undefined());
}

}  // namespace gaussitu::addon
