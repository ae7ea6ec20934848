#include "errors.hpp"

#include <new>

#include "base/error.hpp"

namespace gaussitu::addon {

Napi::Error Failure::to_js(Napi::Env env) const {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  return error;
}

Failure describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    switch (e.code) {
      case Code::invalid_argument:
        return {"INVALID_ARGUMENT", e.what()};
      case Code::corrupt_stream:
        return {"CORRUPT_STREAM", e.what()};
      case Code::unsupported:
        return {"UNSUPPORTED", e.what()};
      case Code::cancelled:
        return {"CANCELLED", e.what()};
      case Code::unavailable:
        return {"UNAVAILABLE", e.what()};
      case Code::no_memory:
        return {"TOO_LARGE", e.what()};
    }
    return {"INTERNAL", e.what()};
  } catch (const std::bad_alloc&) {
    return {"TOO_LARGE", "Expected enough memory for the field and its samples but the system has no more"};
  } catch (const std::exception& e) {
    return {"INTERNAL", e.what()};
  } catch (...) {
    return {"INTERNAL", "unknown native error"};
  }
}

void invalid(Napi::Env env, const std::string& message) {
  throw Failure{"INVALID_ARGUMENT", message}.to_js(env);
}

}  // namespace gaussitu::addon
