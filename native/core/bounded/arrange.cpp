#include "bounded/arrange.hpp"

#include <cstdint>
#include <cstring>
#include <string>

#include "base/error.hpp"

namespace gaussitu {

template <class T>
bool lies_in_order(const Layout& layout, const ArrayView& values) {
  return layout.order.empty() && values.stride == 1 && values.count > 0 &&
         values.count == layout.values.total() && values.count == layout.values.values() &&
         reinterpret_cast<uintptr_t>(values.data) % alignof(T) == 0;
}

template <class T>
std::vector<T> gather(const Layout& layout, const ArrayView& view) {
  const MeshShape& shape = layout.values;
  if (view.count != shape.values())
    throw Error(Code::invalid_argument, "Expected " + std::to_string(shape.values()) +
                                            " values for this mesh but received " +
                                            std::to_string(view.count));
  const auto* base = static_cast<const uint8_t*>(view.data);
  std::vector<T> out(shape.total());
  size_t at = 0;
  for (size_t k = 0; k < shape.inner[2]; k++)
    for (size_t j = 0; j < shape.inner[1]; j++) {
      const uint8_t* row = base + shape.source(0, j, k) * view.stride * sizeof(T);
      if (view.stride == 1) {
        std::memcpy(out.data() + at, row, shape.inner[0] * sizeof(T));
      } else {
        for (size_t i = 0; i < shape.inner[0]; i++)
          std::memcpy(&out[at + i], row + i * view.stride * sizeof(T), sizeof(T));
      }
      at += shape.inner[0];
    }
  return layout.order.empty() ? out : to_layout<T>(layout, out);
}

template bool lies_in_order<float>(const Layout&, const ArrayView&);
template bool lies_in_order<double>(const Layout&, const ArrayView&);
template std::vector<float> gather(const Layout&, const ArrayView&);
template std::vector<double> gather(const Layout&, const ArrayView&);

}  // namespace gaussitu
