#include "bounded/log_domain.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/thread_pool.hpp"
#include "bounded/log_rows.hpp"
#include "residual/bulk_coder.hpp"

#if defined(__x86_64__)
#define GAUSSITU_LOG(kernel, ...)                                            \
  (instruction_set() == InstructionSet::avx512 ? avx512::kernel(__VA_ARGS__) \
   : instruction_set() == InstructionSet::avx2 ? avx2::kernel(__VA_ARGS__)   \
                                               : scalar::kernel(__VA_ARGS__))
#else
#define GAUSSITU_LOG(kernel, ...) scalar::kernel(__VA_ARGS__)
#endif

namespace gaussitu {

namespace {

double log2_of(double x) {
  double y = 0;
  GAUSSITU_LOG(log_row, &x, 0.0, &y, 1);
  return y;
}
double exp2_of(double y) {
  double x = 0;
  const uint8_t positive = 0;
  GAUSSITU_LOG(exp_row, &y, &positive, 0.0, &x, 1);
  return x;
}

/// Half a unit in the last place of numbers about 1.
template <class T>
constexpr double kRounding = std::numeric_limits<T>::epsilon() / 2;

/// One description of the mask for both directions.
template <class T, class Coder>
void code_signs(const GridShape& shape, Coder& coder, const uint8_t* skip, const T* before,
                std::vector<uint8_t>& negative) {
  std::array<BulkModel, 24> models;
  const size_t row = shape.stride(1), plane = shape.stride(2);
  for (size_t i = 0; i < negative.size(); i++) {
    if (skip != nullptr && skip[i] != 0) continue;  // 0, as it stays in the decoder
    const int neighbours = (i >= 1 ? negative[i - 1] : 0) | (i >= row ? negative[i - row] : 0) << 1 |
                           (i >= plane ? negative[i - plane] : 0) << 2;
    const int last = before == nullptr || before[i] == 0 ? 0 : before[i] < 0 ? 1 : 2;
    negative[i] = coder.bit(models[size_t(8 * last + neighbours)], negative[i] != 0);
  }
}

}  // namespace

double log_shift(double bound) {
  return 1 - log2_of(exp2_of(bound) + exp2_of(-bound));
}

template <class T>
LogBound log_bound(std::span<const T> values, const uint8_t* skip, double relative) {
  const double wide = (log2_of(1 + relative) - log2_of(1 - relative)) / 2;
  T least = std::numeric_limits<T>::max(), most = std::numeric_limits<T>::min();
  for (size_t i = 0; i < values.size(); i++) {
    if (skip != nullptr && skip[i] != 0) continue;
    least = std::min(least, std::fabs(values[i]));
    most = std::max(most, std::fabs(values[i]));
  }
  const double largest = std::max(std::fabs(log2_of(least)), std::fabs(log2_of(most))) - log_shift(wide);
  LogBound out;
  out.as_double = sizeof(T) == 8 || largest * kRounding<float> > wide / 16;
  // Of y to the type it is coded in, of y and y^ + shift in double; of the value to its type; of the
  // polynomials.
  const double margin =
      largest * ((out.as_double ? 0 : kRounding<float>)+3 * kRounding<double>)+2 * kRounding<T> + 4e-15;
  out.bound = wide > 2 * margin ? wide - margin : 0;
  return out;
}

template <class C, class T>
std::vector<C> to_log(std::span<const T> values, double shift) {
  std::vector<C> y(values.size());
  for_chunks(values.size(), [&](size_t first, size_t last) {
    GAUSSITU_LOG(log_row, values.data() + first, shift, y.data() + first, last - first);
  });
  constexpr T kLeast = std::numeric_limits<T>::min();
  for (size_t i = 0; i < y.size(); i++)
    if (std::fabs(values[i]) < kLeast) y[i] = i > 0 ? y[i - 1] : C{0};
  return y;
}

template <class T, class C>
Array<T> from_log(std::span<const C> y, const std::vector<uint8_t>& negative, double shift) {
  Array<T> values(y.size());
  for_chunks(y.size(), [&](size_t first, size_t last) {
    GAUSSITU_LOG(exp_row, y.data() + first, negative.data() + first, shift, values.data() + first,
                 last - first);
  });
  return values;
}

template <class T>
std::vector<uint8_t> signs_of(std::span<const T> values, const uint8_t* skip) {
  std::vector<uint8_t> negative(values.size());
  for (size_t i = 0; i < values.size(); i++) negative[i] = values[i] < 0 && (skip == nullptr || skip[i] == 0);
  return negative;
}

template <class T>
std::vector<uint8_t> encode_signs(const GridShape& shape, const std::vector<uint8_t>& negative,
                                  const uint8_t* skip, const T* before) {
  if (std::find(negative.begin(), negative.end(), 1) == negative.end()) return {};
  BulkEncoder coder;
  std::vector<uint8_t> copy = negative;
  code_signs(shape, coder, skip, before, copy);
  std::vector<uint8_t> bytes = coder.finish();
  if (bytes.empty()) bytes.push_back(0);  // empty means: none
  return bytes;
}

template <class T>
std::vector<uint8_t> decode_signs(const GridShape& shape, std::span<const uint8_t> bytes, const uint8_t* skip,
                                  const T* before) {
  std::vector<uint8_t> negative(shape.size(), 0);
  if (bytes.empty()) return negative;
  BulkDecoder coder(bytes);
  code_signs(shape, coder, skip, before, negative);
  return negative;
}

template std::vector<float> to_log(std::span<const float>, double);
template std::vector<double> to_log(std::span<const float>, double);
template std::vector<double> to_log(std::span<const double>, double);
template Array<float> from_log(std::span<const float>, const std::vector<uint8_t>&, double);
template Array<float> from_log(std::span<const double>, const std::vector<uint8_t>&, double);
template Array<double> from_log(std::span<const double>, const std::vector<uint8_t>&, double);
#define GAUSSITU_INSTANCES(T)                                                                               \
  template LogBound log_bound(std::span<const T>, const uint8_t*, double);                                  \
  template std::vector<uint8_t> signs_of(std::span<const T>, const uint8_t*);                               \
  template std::vector<uint8_t> encode_signs(const GridShape&, const std::vector<uint8_t>&, const uint8_t*, \
                                             const T*);                                                     \
  template std::vector<uint8_t> decode_signs(const GridShape&, std::span<const uint8_t>, const uint8_t*,    \
                                             const T*);
GAUSSITU_INSTANCES(float)
GAUSSITU_INSTANCES(double)

}  // namespace gaussitu
