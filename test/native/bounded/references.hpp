// What the decoder must be given again of what the encoder was offered.
#pragma once
#include "bounded/bounded.hpp"

namespace gaussitu {

inline BoundedReferences used_of(const BoundedReferences& offered, const BoundedResult& coded) {
  BoundedReferences used;
  if (coded.uses_earlier) used.earlier = offered.earlier;
  for (const size_t s : coded.siblings) used.siblings.push_back(offered.siblings[s]);
  return used;
}

}  // namespace gaussitu
