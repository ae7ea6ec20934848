// Headers of protocol v1 (docs/protocol.md): written from our structures, answers read into one.
#pragma once
#include <cstdint>
#include <string>

#include "mesh.hpp"
#include "options.hpp"
#include "step.hpp"

namespace gaussitu::client {

inline constexpr int kProtocolVersion = 1;
inline constexpr size_t kMaxHeader = 64 * 1024;
inline constexpr size_t kMaxItems = 4096;  // of a header

std::string hello_header(const Options& options);
std::string mesh_header(const Mesh& mesh, bool checksum);
std::string begin_header(const Step& step);
/// `crc` is sent when `checksum`.
std::string field_header(int64_t step, const FieldData& field, bool checksum, uint32_t crc);
std::string end_header(const Step& step);
std::string ping_header();
std::string bye_header();

enum class AnswerKind { welcome, refuse, credit, ack, error, pong, unknown };

struct Answer {
  AnswerKind kind = AnswerKind::unknown;
  int64_t credit = 0;            // welcome, credit: bytes >= 0
  int64_t committed = -1;        // welcome
  uint64_t max_message = 0;      // welcome: bytes, 0 no limit said
  int64_t step = -1;             // ack; error when it names one
  uint64_t raw = 0, stored = 0;  // ack
  std::string code, message;     // refuse, error
  std::string field;             // error when it is about one field: the rest of the step goes on
};

/// Reads an answer from outside bytes. False, with a reason, when it is malformed or its values make no
/// sense; a well-formed answer of unknown `t` is AnswerKind::unknown.
bool parse_answer(const uint8_t* data, size_t size, Answer& answer, std::string& reason);

}  // namespace gaussitu::client
