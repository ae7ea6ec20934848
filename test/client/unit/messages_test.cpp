// Headers as they are written, answers as they are read, and copies of arrays, without a socket.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "messages.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "array.hpp"
#include "msgpack.hpp"
#include "options.hpp"
#include "status.hpp"

using namespace gaussitu::client;

namespace {

Value read(const std::string& bytes) {
  Value value;
  std::string reason;
  REQUIRE_MESSAGE(unpack(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), value, reason),
                  reason);
  return value;
}

bool refused(const std::string& bytes, const std::string& why) {
  Value value;
  std::string reason;
  const bool good = unpack(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), value, reason);
  return !good && reason.find(why) != std::string::npos;
}

bool answers(const std::string& bytes, Answer& answer, std::string& reason) {
  return parse_answer(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), answer, reason);
}

std::string welcome(int64_t version, int64_t credit) {
  Packer p;
  p.map(5).str("t").str("welcome").str("v").integer(version).str("credit").integer(credit);
  return p.str("committed").integer(-1).str("maxMessage").integer(1 << 20).bytes();
}

}  // namespace

TEST_CASE("integers of every size survive, in their shortest form") {
  for (const int64_t v : std::initializer_list<int64_t>{0, 1, 127, 128, 255, 256, 65535, 65536, 4294967295,
                                                        4294967296, -1, -32, -33, -128, -32768, -2147483648LL,
                                                        -2147483649LL, std::numeric_limits<int64_t>::max(),
                                                        std::numeric_limits<int64_t>::min()}) {
    const auto value = read(Packer().integer(v).bytes());
    CHECK(value.type == Value::Type::integer);
    CHECK(value.integer == v);
  }
  CHECK(Packer().integer(5).bytes().size() == 1);
  CHECK(Packer().integer(200).bytes().size() == 2);
}

TEST_CASE("reals and strings survive bit for bit") {
  for (const double v : {0.0, -0.0, 1.5, 1e300, 5e-324}) {
    const auto value = read(Packer().real(v).bytes());
    CHECK(std::memcmp(&value.real, &v, sizeof v) == 0);
  }
  for (const size_t n : {0u, 1u, 31u, 32u, 255u, 256u, 60000u}) {
    const std::string text(n, 'x');
    CHECK(read(Packer().str(text).bytes()).string == text);
  }
}

TEST_CASE("what protocol v1 forbids is refused with the reason") {
  CHECK(refused("", "middle of an item"));
  CHECK(refused("\xc1", "extension"));
  CHECK(refused(std::string("\xd4\x01\x00", 3), "extension"));
  CHECK(refused(std::string("\x01\x02", 2), "bytes follow"));
  CHECK(
      refused("\xa5"
              "abc",
              "longer than"));
  CHECK(refused(std::string("\xdb\xff\xff\xff\xff", 5), "longer than"));
  CHECK(refused(std::string("\xdd\xff\xff\xff\xff", 5), "longer than"));
  CHECK(refused(std::string("\xdf\xff\xff\xff\xff", 5), "longer than"));
  CHECK(refused(std::string(9, '\x91') + "\xc0", "deeper"));
  CHECK(refused("\x81\x01\x02", "not a string"));
  CHECK(
      refused("\x82\xa1"
              "a\x01\xa1"
              "a\x02",
              "twice"));
  std::string many = Packer().array(5000).bytes();
  many += std::string(5000, '\x01');
  CHECK(refused(many, "4096"));
}

TEST_CASE("random and damaged bytes are refused or read, never trusted") {
  std::mt19937 random(7);
  const std::string good = welcome(1, 1000);
  for (int round = 0; round < 200000; ++round) {
    std::string bytes = good;
    if (round % 2 == 0) {
      bytes.resize(random() % 40);
      for (auto& c : bytes) c = static_cast<char>(random());
    } else {
      for (unsigned k = random() % 4 + 1; k > 0; --k)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    }
    Answer answer;
    std::string reason;
    // An exact-size heap copy: the sanitizer build sees any byte read past the end.
    const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
    const bool taken = parse_answer(exact.data(), exact.size(), answer, reason);
    REQUIRE(taken == reason.empty());
    if (taken && answer.kind == AnswerKind::welcome) {
      REQUIRE(answer.credit >= 0);
      REQUIRE(answer.committed >= -1);
    }
  }
}

TEST_CASE("answers: well-formed ones are read, lying ones are not") {
  Answer a;
  std::string reason;
  REQUIRE(answers(welcome(1, 12345), a, reason));
  CHECK(a.kind == AnswerKind::welcome);
  CHECK(a.credit == 12345);
  CHECK(a.max_message == 1 << 20);
  CHECK_FALSE(answers(welcome(2, 1), a, reason));
  CHECK_FALSE(answers(welcome(1, -5), a, reason));
  CHECK_FALSE(answers(Packer().map(1).str("t").str("ack").bytes(), a, reason));
  CHECK_FALSE(answers(Packer().map(2).str("t").str("ack").str("step").str("3").bytes(), a, reason));
  CHECK_FALSE(answers(Packer().map(2).str("t").str("credit").str("bytes").integer(-1).bytes(), a, reason));
  CHECK_FALSE(answers(Packer().array(0).bytes(), a, reason));
  REQUIRE(answers(Packer().map(2).str("t").str("credit").str("bytes").real(4096).bytes(), a, reason));
  CHECK(a.credit == 4096);
  REQUIRE(answers(Packer().map(1).str("t").str("later").bytes(), a, reason));
  CHECK(a.kind == AnswerKind::unknown);
}

TEST_CASE("headers carry what was given") {
  const int64_t dims = 4;
  gaussitu_grid grid{};
  for (auto& n : grid.dims) n = dims;
  grid.ghost[5] = 1;
  for (auto& n : grid.global_dims) n = 8;
  grid.start[2] = -1;
  const double origin[3] = {1, 2, 3}, spacing[3] = {0.5, 0.5, 0.5};
  const auto mesh = make_uniform("grid", 3, &grid, origin, spacing);
  const auto header = read(mesh_header(*mesh, false));
  CHECK(header.find("kind")->string == "uniform");
  CHECK(header.find("block")->integer == 3);
  CHECK(header.find("ghost")->items[5].integer == 1);
  CHECK(header.find("start")->items[2].integer == -1);
  CHECK(header.find("origin")->items[1].real == 2);
  CHECK(header.find("arrays")->items.empty());

  FieldData field;
  field.name = "velocity";
  field.mesh = mesh;
  field.count = 64;
  field.components = 3;
  field.units = "m/s";
  field.target = {GAUSSITU_TARGET_REL, 1e-3};
  const auto f = read(field_header(7, field, true, 0xdeadbeef));
  CHECK(f.find("step")->integer == 7);
  CHECK(f.find("shape")->items.size() == 2);
  CHECK(f.find("units")->string == "m/s");
  CHECK(f.find("target")->find("rel")->real == 1e-3);
  CHECK(f.find("crc")->integer == 0xdeadbeef);
  field.target = {GAUSSITU_TARGET_PW_REL, 0.01};
  CHECK(read(field_header(7, field, true, 0)).find("target")->find("pwRel")->real == 0.01);
}

TEST_CASE("targets are held to what they mean") {
  CHECK(checked_target(GAUSSITU_TARGET_ABS, 0, "p").value == 0);
  CHECK(checked_target(GAUSSITU_TARGET_PW_REL, 0.5, "p").kind == GAUSSITU_TARGET_PW_REL);
  for (const double bad : {0.0, 1.0, -0.1, double(NAN)})
    CHECK_THROWS_AS(checked_target(GAUSSITU_TARGET_PW_REL, bad, "p"), Failure);
  CHECK_THROWS_AS(checked_target(GAUSSITU_TARGET_RATIO, 0, "p"), Failure);
}

TEST_CASE("CRC-32 is zlib's") {
  CHECK(crc32("123456789", 9) == 0xcbf43926u);
  CHECK(crc32("", 0) == 0);
  CHECK(crc32("The quick brown fox jumps over the lazy dog", 43) == 0x414fa339u);
}

TEST_CASE("meshes that make no sense are refused with the reason") {
  gaussitu_grid grid{};
  CHECK_THROWS_AS(make_uniform("g", 0, &grid, nullptr, nullptr), Failure);
  for (auto& n : grid.dims) n = 1LL << 39;
  CHECK_THROWS_AS(make_uniform("g", 0, &grid, nullptr, nullptr), Failure);
  for (auto& n : grid.dims) n = 4;
  CHECK_THROWS_AS(make_uniform("a/b", 0, &grid, nullptr, nullptr), Failure);
  CHECK_THROWS_AS(make_uniform("g", -1, &grid, nullptr, nullptr), Failure);
  grid.ghost[0] = 5;
  CHECK_THROWS_AS(make_uniform("g", 0, &grid, nullptr, nullptr), Failure);
  CHECK_THROWS_AS(make_points("p", 0, 3, GAUSSITU_F32, nullptr), Failure);
  CHECK_THROWS_AS(make_points("p", 0, 3, GAUSSITU_I32, &grid), Failure);
}

TEST_CASE("what is said of a mesh afterwards: checked, sent with it, replaced when said again") {
  gaussitu_grid grid{};
  for (auto& n : grid.dims) n = 3;
  const auto mesh = make_uniform("g", 0, &grid, nullptr, nullptr);
  const std::vector<uint8_t> nodes(27, 1), cells(8, 1);
  const auto marked = with_ghosts(*with_ghosts(*mesh, nodes.data(), cells.data()), nullptr, cells.data());
  REQUIRE(marked->arrays.size() == 1);
  CHECK(marked->arrays[0].name == "ghostCells");
  CHECK(mesh->arrays.empty());  // versions of a mesh that steps still hold do not change

  gaussitu_nesting window{4, 1, {2, 2, 2}, {0, 1, 0}, {2, 1, 2}};
  const auto patch = with_nesting(*marked, 2, &window, 1);
  const auto header = read(mesh_header(*patch, false));
  CHECK(header.find("level")->integer == 2);
  CHECK(header.find("arrays")->items.size() == 2);
  CHECK(header.find("arrays")->items[1].find("shape")->items[1].integer == 11);
  window.ratio[1] = 0;
  CHECK_THROWS_AS(with_nesting(*mesh, 0, &window, 1), Failure);
  CHECK_THROWS_AS(with_nesting(*mesh, -1, nullptr, 0), Failure);

  const float xyz[12] = {};
  const int32_t connectivity[4] = {0, 1, 2, 3}, offsets[2] = {0, 4};
  const uint8_t types[1] = {42};
  const auto solid =
      make_unstructured("s", 0, 4, GAUSSITU_F32, xyz, 1, GAUSSITU_I32, 4, connectivity, offsets, types);
  std::vector<int32_t> faces = {4, 3, 0, 1, 2, 3, 0, 1, 3, 3, 1, 2, 3, 3, 0, 2, 3};
  const auto define = [&](int64_t count) {
    const int32_t ends[2] = {0, static_cast<int32_t>(count)};
    return with_faces(*solid, GAUSSITU_I32, count, faces.data(), ends);
  };
  CHECK(define(17)->arrays.size() == 6);
  CHECK_THROWS_AS(define(16), Failure);
  CHECK_THROWS_AS(define(0), Failure);
  for (const auto& [at, value] :
       {std::pair<size_t, int32_t>{0, 5}, {0, 3}, {1, 2}, {1, 400}, {4, 9}, {4, -1}}) {
    const int32_t before = faces[at];
    faces[at] = value;
    CHECK_THROWS_AS(define(17), Failure);
    faces[at] = before;
  }
  CHECK_THROWS_AS(with_faces(*mesh, GAUSSITU_I32, 17, faces.data(), offsets), Failure);
}

TEST_CASE("options as text are read as the environment is, which need not be") {
  gaussitu_options o;
  default_options(o);
  set_option(o, "buffer_bytes", "2Mi", "x");
  set_option(o, "policy", "drop", "x");
  set_option(o, "run", "a", "x");
  set_option(o, "ranks", "3", "x");
  CHECK(o.buffer_bytes == 2u << 20);
  CHECK(o.policy == GAUSSITU_DROP);
  CHECK_THROWS_AS(set_option(o, "policy", "wait", "x"), Failure);
  CHECK_THROWS_AS(set_option(o, "rank", "1.5", "x"), Failure);
  CHECK_THROWS_AS(set_option(o, "colour", "red", "x"), Failure);
  setenv("GAUSSITU_RUN", "b", 1);
  CHECK(resolve_options(o).run == "b");
  o.ignore_environment = 1;
  CHECK(resolve_options(o).run == "a");
  unsetenv("GAUSSITU_RUN");
}

TEST_CASE("copies of any length, in small pages and large ones, are whole and give back what they took") {
  constexpr uint64_t kLargePage = 2 << 20;
  std::vector<uint8_t> data(3 * kLargePage + 1);
  for (size_t i = 0; i < data.size(); i++) data[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  const auto budget = std::make_shared<Budget>(data.size());
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, kLargePage - 1, kLargePage, kLargePage + 1,
                              2 * kLargePage - 1, 5 * kLargePage / 2 + 1, 3 * kLargePage + 1}) {
    CAPTURE(size);
    REQUIRE(budget->try_take(size));
    {
      const BytesPtr copy = copy_bytes(data.data(), size, budget);
      REQUIRE(copy->size() == size);
      CHECK((size == 0 || std::memcmp(copy->data(), data.data(), size) == 0));
      CHECK(budget->used() == size);
    }
    CHECK(budget->used() == 0);
  }
}
