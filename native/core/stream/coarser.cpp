#include "stream/coarser.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "quantize/exact_math.hpp"
#include "stream/envelope.hpp"
#include "stream/gaussian_coder.hpp"
#include "stream/payload.hpp"

namespace gaussitu {

namespace {

/// part^(1 / axes of the domain), the same bits everywhere: the factor on A.
float narrowing(double part, const Domain& domain) {
  constexpr double kStep = 1.0 / 1024;  // of its logarithm
  const auto axes = std::count_if(domain.extent.begin(), domain.extent.end(), [](double x) { return x > 0; });
  return static_cast<float>(exp2_exact(log2_steps(static_cast<float>(part), kStep) * kStep /
                                       static_cast<double>(std::max<std::ptrdiff_t>(axes, 1))));
}

}  // namespace

QuantisedModel parse_coarser(std::span<const uint8_t> bytes, double part) {
  if (!(part > 0 && part <= 1))
    throw Error(Code::invalid_argument,
                "Expected a part above 0 and up to 1 but received " + std::to_string(part));
  bool whole = false;
  ByteReader in = opened_cut(bytes, whole);
  const Header header = read_header(in, whole ? bytes.size() : kMaxGaussians, nullptr);
  QuantisedModel q = header.model_of(0);
  const size_t n = header.count;
  if (n == 0) return q;

  // Every 2^k-th is all there is of coarser levels, and all that is allocated.
  const size_t most = std::min(n, bytes.size() * kMaxGaussiansPerByte);
  const size_t wanted =
      std::clamp(static_cast<size_t>(std::ceil(part * static_cast<double>(n))), size_t{1}, most);
  size_t stride = 1;
  const auto levels = [n](size_t s) { return (n + s - 1) / s; };
  while (levels(stride) > most || levels(2 * stride) >= wanted) {
    if (levels(stride) == 1) break;
    stride *= 2;
  }
  QuantisedModel some = header.model_of(levels(stride));
  if (!whole && in.rest().size() < 4) return q;  // the coder begins with four bytes
  RangeDecoder coder(in.rest(), whole ? RangeDecoder::End::padded : RangeDecoder::End::cut);
  size_t done = 0;
  try {
    code_gaussians(coder, some, header.prediction, &done, stride);
  } catch (const Error&) {
    if (!coder.ended()) throw;
  }
  std::vector<size_t> first;
  from_coarse_to_fine(some.count(), [&](size_t i, size_t) {
    if (first.size() < std::min(done, wanted)) first.push_back(i);
  });
  std::sort(first.begin(), first.end());
  q = selected(some, first);
  if (first.empty() || first.size() == n) return q;

  Model model = from_integers(q);
  const float factor = narrowing(static_cast<double>(first.size()) / static_cast<double>(n), model.domain);
  for (auto& row : model.a)
    for (float& a : row) a *= factor;
  return to_integers(model, q.steps, q.lattice);
}

}  // namespace gaussitu
