// Native objects that JavaScript holds and hands back: shared, immutable, freed with their last holder. Their
// size is told to the garbage collector.
#pragma once
#include <napi.h>

#include <memory>

#include "errors.hpp"

namespace gaussitu::addon {

/// `tag` tells one kind of object from another; each kind has its own.
template <class T>
Napi::Object make_handle(Napi::Env env, std::shared_ptr<const T> shared, const napi_type_tag& tag,
                         size_t bytes) {
  struct Held {
    std::shared_ptr<const T> shared;
    int64_t bytes;
  };
  Napi::Object object = Napi::Object::New(env);
  object.TypeTag(&tag);
  auto held = std::make_unique<Held>(Held{std::move(shared), static_cast<int64_t>(bytes)});
  const auto free = [](napi_env e, void* data, void*) {
    const std::unique_ptr<Held> h(static_cast<Held*>(data));
    int64_t now = 0;
    napi_adjust_external_memory(e, -h->bytes, &now);
  };
  if (napi_wrap(env, object, held.get(), free, nullptr, nullptr) != napi_ok) throw Napi::Error::New(env);
  Napi::MemoryManagement::AdjustExternalMemory(env, held->bytes);
  held.release();
  object.Set("bytes", Napi::Number::New(env, static_cast<double>(bytes)));
  return object;
}

template <class T>
std::shared_ptr<const T> from_handle(const Napi::Value& value, const napi_type_tag& tag, const char* name) {
  void* data = nullptr;
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&tag) ||
      napi_unwrap(value.Env(), value, &data) != napi_ok || data == nullptr)
    invalid(value.Env(), std::string("Expected what the codec returned as ") + name);
  return *static_cast<std::shared_ptr<const T>*>(data);  // the first member of Held
}

}  // namespace gaussitu::addon
