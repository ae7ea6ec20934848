// A model at any places: values, whether they are inside the domain, gradients. The canonical evaluator's
// bits (model/evaluate.hpp), through an index that is built once.
#pragma once
#include <cstdint>

#include "base/array.hpp"
#include "model/model.hpp"
#include "query/cell_index.hpp"
#include "sample/places.hpp"

namespace gaussitu {

/// A model that is ready to be asked; immutable, so that any number of threads may ask at once.
struct QueryModel {
  explicit QueryModel(Model m, double points = 1e30) : model(std::move(m)), index(model, points) {}
  Model model;
  CellIndex index;
};

template <class T>
struct Answers {
  Array<T> values;        // [total] field units
  Array<uint8_t> inside;  // [total] 1 where the place is inside the model's domain
  Array<T> gradient;      // [total, 3] field units per world unit, where asked for
};

template <class T>
Answers<T> query(const QueryModel& model, const Places& places, bool gradient = false);

/// The slow, obvious definition of the gradient of f for one point, model coordinates (docs/format.md): what
/// query() is tested against.
void gradient_reference(const Model& model, float x, float y, float z, float out[3]);

}  // namespace gaussitu
