/* Heat in a block of metal, instrumented with Catalyst 2: what a code has to do, whoever looks at its data.
 *
 *   cmake --build build --target catalyst_heat            (when CMake finds Catalyst: CATALYST_PREFIX)
 *   gaussitu serve --out run --psnr 60 --once &
 *   CATALYST_IMPLEMENTATION_NAME=gaussitu CATALYST_IMPLEMENTATION_PATHS=build/adapters/catalyst \
 *     build/examples/catalyst/heat
 *
 * Nothing here names Gaussitu: the environment does. */
#include <catalyst.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { NX = 40, NY = 32, NZ = 24, STEPS = 200, EVERY = 20 };
#define AT(i, j, k) ((i) + NX * ((j) + NY * (int64_t)(k)))

/* One explicit step; the walls keep their temperature. */
static void advance(const double* t, double* next) {
  for (int k = 1; k < NZ - 1; ++k)
    for (int j = 1; j < NY - 1; ++j)
      for (int i = 1; i < NX - 1; ++i) {
        const double around = t[AT(i - 1, j, k)] + t[AT(i + 1, j, k)] + t[AT(i, j - 1, k)] +
                              t[AT(i, j + 1, k)] + t[AT(i, j, k - 1)] + t[AT(i, j, k + 1)];
        next[AT(i, j, k)] = t[AT(i, j, k)] + 0.15 * (around - 6 * t[AT(i, j, k)]);
      }
}

/* The block as a mesh of Blueprint. The array is named, not copied. */
static void describe(conduit_node* step, double* t, int64_t number, double time) {
  conduit_node_set_path_int64(step, "catalyst/state/timestep", number);
  conduit_node_set_path_float64(step, "catalyst/state/time", time);
  conduit_node_set_path_char8_str(step, "catalyst/channels/block/type", "mesh");
  conduit_node* mesh = conduit_node_fetch(step, "catalyst/channels/block/data");
  conduit_node_set_path_char8_str(mesh, "coordsets/coords/type", "uniform");
  conduit_node_set_path_int64(mesh, "coordsets/coords/dims/i", NX);
  conduit_node_set_path_int64(mesh, "coordsets/coords/dims/j", NY);
  conduit_node_set_path_int64(mesh, "coordsets/coords/dims/k", NZ);
  conduit_node_set_path_float64(mesh, "coordsets/coords/spacing/dx", 0.01);
  conduit_node_set_path_float64(mesh, "coordsets/coords/spacing/dy", 0.01);
  conduit_node_set_path_float64(mesh, "coordsets/coords/spacing/dz", 0.01);
  conduit_node_set_path_char8_str(mesh, "topologies/grid/type", "uniform");
  conduit_node_set_path_char8_str(mesh, "topologies/grid/coordset", "coords");
  conduit_node_set_path_char8_str(mesh, "fields/temperature/association", "vertex");
  conduit_node_set_path_char8_str(mesh, "fields/temperature/topology", "grid");
  conduit_node_set_path_char8_str(mesh, "fields/temperature/units", "K");
  conduit_node_set_path_external_float64_ptr(mesh, "fields/temperature/values", t, NX * NY * (int64_t)NZ);
}

int main(void) {
  double* t = calloc(NX * NY * NZ, sizeof *t);
  double* next = calloc(NX * NY * NZ, sizeof *next);
  if (!t || !next) return 1;
  for (int k = 0; k < NZ; ++k)
    for (int j = 0; j < NY; ++j)
      for (int i = 0; i < NX; ++i)
        t[AT(i, j, k)] = next[AT(i, j, k)] =
            300 + 200 * exp(-0.02 * ((i - 12) * (i - 12) + (j - 16) * (j - 16)));

  conduit_node* settings = conduit_node_create();
  const int coupled = catalyst_initialize(settings) == catalyst_status_ok;
  conduit_node_destroy(settings);
  for (int64_t n = 0; n <= STEPS; ++n) {
    if (coupled && n % EVERY == 0) {
      conduit_node* step = conduit_node_create();
      describe(step, t, n, n * 0.5);
      if (catalyst_execute(step) != catalyst_status_ok)
        fprintf(stderr, "step %lld: not taken\n", (long long)n);
      conduit_node_destroy(step);
    }
    advance(t, next);
    double* other = t;
    t = next;
    next = other;
  }
  conduit_node* last = conduit_node_create();
  if (coupled) catalyst_finalize(last);
  conduit_node_destroy(last);
  printf("%d steps, %s\n", STEPS, coupled ? "coupled" : "not coupled");
  free(t);
  free(next);
  return 0;
}
