// The coder of quantiser codes reaches the entropy of what it is given.
#include "residual/symbols.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "fields.hpp"

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

/// What is left of a real field [x fastest] after cubic interpolation along x, quantised, in the contexts of
/// the two codes just before and the one above.
std::vector<Symbol> codes_of(const std::vector<float>& values, size_t row, double bound) {
  std::vector<Symbol> out;
  std::vector<int> above(row, 0);
  for (size_t start = 0; start + row <= values.size(); start += row) {
    int left = 0, before = 0;
    for (size_t x = 3; x + 3 < row; x++) {
      const float* v = &values[start + x];
      const double predicted = (9.0 * (double(v[-1]) + v[1]) - v[-3] - v[3]) / 16;
      const auto code = int32_t(std::lround((*v - predicted) / (2 * bound)));
      out.push_back({context_of(kLeftWeight * left + kBeforeWeight * before + kLeftWeight * above[x]), code});
      before = left;
      above[x] = left = std::min(std::abs(code), 255);
    }
  }
  return out;
}

/// Bits by the frequencies of the codes in each context: the least of all coders that do not adapt.
double counted_entropy(const std::vector<Symbol>& symbols) {
  std::map<std::pair<int, int32_t>, double> counts;
  std::vector<double> totals(kContexts, 0.0);
  for (const Symbol& s : symbols) counts[{s.context, s.code}]++, totals[size_t(s.context)]++;
  double bits = 0;
  for (const auto& [symbol, n] : counts) bits += n * std::log2(totals[size_t(symbol.first)] / n);
  return bits;
}

}  // namespace

TEST_CASE("codes of a real field cost at most 2 % more than the entropy counted in their contexts") {
  const std::string folder = fields::data_folder();
  if (folder.empty()) return;
  const auto values = fields::read_f32(folder + "dns_decay/u_003.f32");
  REQUIRE(!values.empty());
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  for (const double relative : {1e-2, 1e-3, 1e-4}) {
    const auto symbols = codes_of(values, 128, relative * double(*high - *low));
    BulkEncoder encoder;
    CodeModels models;
    for (const Symbol& s : symbols) code_symbol(encoder, models, s.context, s.code);
    const double bits = 8 * double(encoder.finish().size()), least = counted_entropy(symbols);
    MESSAGE("bound " << relative << ": " << bits / double(symbols.size()) << " bits per code, "
                     << bits / least << " of the entropy");
    CHECK(bits < 1.02 * least);
  }
}

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
