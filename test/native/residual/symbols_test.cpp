// The coder of quantiser codes reaches the entropy of what it is given.
#include "residual/symbols.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace gaussitu;

namespace {

struct Symbol {
  int context;
  int32_t code;
};

/// Codes as predictors leave them: two-sided geometric, wider in each context than in the one before.
std::vector<Symbol> codes(size_t n, double narrowest) {
  std::mt19937 random(31);
  std::vector<Symbol> out(n);
  for (Symbol& s : out) {
    s.context = int(random() % kContexts);
    const double width = narrowest * std::pow(1.4, s.context);
    const double u = (double(random()) + 0.5) / 4294967296.0;
    const int32_t magnitude = int32_t(std::floor(-width * std::log(u)));
    s.code = random() % 2 ? magnitude : -magnitude;
  }
  return out;
}

/// Bits of the codes by the probabilities they were drawn with.
double entropy(const std::vector<Symbol>& symbols, double narrowest) {
  double bits = 0;
  for (const Symbol& s : symbols) {
    const double width = narrowest * std::pow(1.4, s.context);
    const double magnitude = std::abs(s.code);
    bits += (magnitude / width - std::log(-std::expm1(-1 / width))) / std::log(2.0) + (s.code != 0 ? 1 : 0);
  }
  return bits;
}

}  // namespace

TEST_CASE("codes cost at most 2 % more than their entropy given their contexts") {
  for (const double narrowest : {0.02, 0.15, 0.8}) {
    const auto symbols = codes(500000, narrowest);
    BulkEncoder encoder;
    CodeModels models;
    for (const Symbol& s : symbols) code_symbol(encoder, models, s.context, s.code);
    const auto bytes = encoder.finish();
    const double ratio = 8 * double(bytes.size()) / entropy(symbols, narrowest);
    MESSAGE("narrowest context " << narrowest << ": " << 8 * double(bytes.size()) / double(symbols.size())
                                 << " bits per code, " << ratio << " of the entropy");
    CHECK(ratio < 1.02);

    BulkDecoder decoder(bytes);
    CodeModels again;
    size_t wrong = 0;
    for (const Symbol& s : symbols) wrong += code_symbol(decoder, again, s.context, 0) != s.code;
    CHECK(wrong == 0);
  }
}
