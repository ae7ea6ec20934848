// A small program that writes through ADIOS2 whatever its XML says: global arrays with ghosts, several blocks
// a rank, sync and deferred, local arrays, values, attributes, and types that an archive cannot take. Values
// follow formulas that the test knows. Usage: writer CONFIG OUTPUT STEPS [mode]   mode: steps | nosteps |
// noclose | span
#include <adios2.h>
#if ADIOS2_USE_MPI
#include <mpi.h>
#endif

#include <complex>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr size_t NX = 12, NY = 10, NZ = 8;  // of the whole grid; ranks share z

double wave(size_t x, size_t y, size_t z, size_t step) {
  const size_t rough = (7 * x + 13 * y + 29 * z + 31 * step) % 17;  // the same bits in JavaScript
  return 0.25 * double(x) + 0.5 * double(y) - 0.125 * double(z) + double(step) + 0.001 * double(rough);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string mode = argc > 4 ? argv[4] : "steps";
  int rank = 0, ranks = 1;
#if ADIOS2_USE_MPI
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  adios2::ADIOS adios(argv[1], MPI_COMM_WORLD);
#else
  adios2::ADIOS adios(argv[1]);
#endif
  int code = 0;
  try {
    adios2::IO io = adios.DeclareIO("output");
    const size_t nz = NZ / size_t(ranks), z0 = nz * size_t(rank);
    auto u = io.DefineVariable<double>("u", {NZ, NY, NX}, {z0, 0, 0}, {nz, NY, NX});
    auto v = io.DefineVariable<float>("group/v", {NZ, NY, NX}, {z0, 0, 0}, {nz / 2, NY, NX});
    auto n = io.DefineVariable<int32_t>("n", {NX * size_t(ranks)}, {NX * size_t(rank)}, {NX});
    auto c = io.DefineVariable<std::complex<float>>("c", {NY * size_t(ranks), NX}, {NY * size_t(rank), 0},
                                                    {NY, NX});
    auto local = io.DefineVariable<float>("local", {}, {}, {3 + size_t(rank), 5});
    auto four = io.DefineVariable<float>("four", {2, NZ, NY, NX}, {0, z0, 0, 0}, {2, nz, NY, NX});
    auto some = io.DefineVariable<float>("some", {NX}, {0}, {rank == 0 ? NX : 0});
    auto wide = io.DefineVariable<long double>("wide", {NX * size_t(ranks)}, {NX * size_t(rank)}, {NX});
    auto time = io.DefineVariable<double>("time");
    auto count = io.DefineVariable<int64_t>("count");
    auto mine = io.DefineVariable<int32_t>("mine", {adios2::LocalValueDim});
    auto label = io.DefineVariable<std::string>("label");
    io.DefineAttribute<double>("Dx", 0.25);
    const std::string names[] = {"alpha", "beta"};
    io.DefineAttribute<std::string>("names", names, 2);
    const int32_t sizes[] = {12, 10, 8};
    io.DefineAttribute<int32_t>("sizes", sizes, 3);

    adios2::Engine engine = io.Open(argv[2], adios2::Mode::Write);
    for (size_t step = 0; step < size_t(std::atoi(argv[3])); step++) {
      if (mode != "nosteps") engine.BeginStep();
      // u: inside a buffer with one ghost layer all around, full of what must not be seen.
      std::vector<double> ghosted((nz + 2) * (NY + 2) * (NX + 2), 1e30);
      for (size_t k = 0; k < nz; k++)
        for (size_t j = 0; j < NY; j++)
          for (size_t i = 0; i < NX; i++)
            ghosted[((k + 1) * (NY + 2) + j + 1) * (NX + 2) + i + 1] = wave(i, j, z0 + k, step);
      u.SetMemorySelection({{1, 1, 1}, {nz + 2, NY + 2, NX + 2}});
      engine.Put(u, ghosted.data(), adios2::Mode::Sync);
      std::fill(ghosted.begin(), ghosted.end(), -7.0);

      // v: two blocks a rank, deferred; the arrays live until EndStep.
      std::vector<float> halves[2];
      for (size_t half = 0; half < 2; half++) {
        const size_t from = z0 + half * (nz / 2);
        for (size_t k = from; k < from + nz / 2; k++)
          for (size_t j = 0; j < NY; j++)
            for (size_t i = 0; i < NX; i++) halves[half].push_back(float(2 * wave(i, j, k, step)));
        v.SetSelection({{from, 0, 0}, {nz / 2, NY, NX}});
        engine.Put(v, halves[half].data(), adios2::Mode::Deferred);
      }
      std::vector<int32_t> ids(NX);
      std::vector<std::complex<float>> complex(NY * NX);
      std::vector<float> own((3 + size_t(rank)) * 5), fold(2 * nz * NY * NX), few(NX);
      std::vector<long double> wider(NX, 1.0L);
      for (size_t i = 0; i < NX; i++) ids[i] = int32_t(NX * size_t(rank) + i + 100 * step);
      for (size_t i = 0; i < complex.size(); i++) complex[i] = {float(i + step), -float(rank)};
      for (size_t i = 0; i < own.size(); i++) own[i] = float(100 * rank) + float(i);
      for (size_t i = 0; i < fold.size(); i++) fold[i] = float(i) * 0.5f;
      for (size_t i = 0; i < NX; i++) few[i] = float(i);
      engine.Put(n, ids.data());
      engine.Put(c, complex.data());
      engine.Put(local, own.data());
      engine.Put(four, fold.data());
      engine.Put(some, few.data());
      engine.Put(wide, wider.data());
      engine.Put(time, 0.5 + 0.1 * double(step));
      engine.Put(count, int64_t(1) << 60);
      engine.Put(mine, int32_t(10 + rank));
      engine.Put(label, std::string("step ") + std::to_string(step));
      if (mode == "span") {
        auto f = io.DefineVariable<float>("spanned", {NX}, {0}, {NX});
        engine.Put(f);
      }
      if (mode != "nosteps") engine.EndStep();
      if (mode == "nosteps") {
        engine.PerformPuts();
        break;
      }
    }
    if (mode != "noclose") engine.Close();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "writer: %s\n", error.what());
    code = 1;
  }
#if ADIOS2_USE_MPI
  if (code) MPI_Abort(MPI_COMM_WORLD, code);
  MPI_Finalize();
#endif
  std::puts("writer: done");
  return code;
}
