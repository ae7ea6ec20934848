// Core errors as JavaScript errors: `code` is an ErrorCode of src/errors.ts.
#pragma once
#include <napi.h>

#include <exception>
#include <string>

namespace gaussitu::addon {

/// An error that has left its thread: made where it happened, thrown or rejected with where JavaScript runs.
struct Failure {
  std::string code;  // empty: no failure
  std::string message;

  Napi::Error to_js(Napi::Env env) const;
};

/// What the current exception says; anything unknown is INTERNAL.
Failure describe(const std::exception_ptr& error);

[[noreturn]] void invalid(Napi::Env env, const std::string& message);

}  // namespace gaussitu::addon
