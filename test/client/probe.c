/* A simulation that does what stdin says, one command a line, and answers each with one line of JSON: lets a
 * test drive the C interface step by step in a process of its own. Array bytes follow a formula that the test
 * knows: byte j of field f at step s is (7 j + 13 s + 31 f + j / 256) mod 256. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gaussitu.h"

static gaussitu_client* client;
static int released;

static void release(void* data, void* context) {
  (void)context;
  __atomic_add_fetch(&released, 1, __ATOMIC_SEQ_CST);
  free(data);
}

static void* pattern(size_t size, int64_t step, int64_t field) {
  unsigned char* bytes = malloc(size ? size : 1);
  for (size_t j = 0; bytes && j < size; ++j)
    bytes[j] = (unsigned char)(7 * j + 13 * (size_t)step + 31 * (size_t)field + j / 256);
  return bytes;
}

static void answer(int status) {
  printf("{\"status\": \"%s\", \"error\": \"", gaussitu_status_name(status));
  for (const char* c = gaussitu_last_error(client); *c; ++c) {
    if (*c == '"' || *c == '\\') putchar('\\');
    if ((unsigned char)*c >= 32) putchar(*c);
  }
  puts("\"}");
}

static int define(const char* kind, const char* mesh, int64_t block) {
  static const double doubles[] = {0,  0.5, 1.5, 3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17,
                                   18, 19,  20,  21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35};
  static const float floats[] = {0,  0.5f, 1.5f, 3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17,
                                 18, 19,   20,   21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35};
  const double origin[3] = {-1, 2, 0.25}, spacing[3] = {0.5, 1, 2};
  gaussitu_grid grid = {.dims = {3, 2, 2}};
  if (!strcmp(kind, "uniform")) {
    gaussitu_grid ghosts = {
        .dims = {4, 3, 2}, .ghost = {1, 0, 0, 1, 0, 0}, .start = {-1, 0, 2}, .global_dims = {8, 8, 8}};
    return gaussitu_define_uniform(client, mesh, block, &ghosts, origin, spacing);
  }
  if (!strcmp(kind, "rectilinear"))
    return gaussitu_define_rectilinear(client, mesh, block, &grid, GAUSSITU_F64, doubles, doubles, doubles);
  if (!strcmp(kind, "curvilinear"))
    return gaussitu_define_curvilinear(client, mesh, block, &grid, GAUSSITU_F32, floats);
  if (!strcmp(kind, "unstructured")) {
    const int32_t connectivity[] = {0, 1, 2, 3, 1, 2, 3, 4}, offsets[] = {0, 4, 8};
    const uint8_t types[] = {10, 10};
    return gaussitu_define_unstructured(client, mesh, block, 5, GAUSSITU_F32, floats, 2, GAUSSITU_I32, 8,
                                        connectivity, offsets, types);
  }
  if (!strcmp(kind, "unstructured64")) {
    const int64_t connectivity[] = {0, 1, 2, 3, 1, 2, 3, 4}, offsets[] = {0, 4, 8};
    const uint8_t types[] = {10, 10};
    return gaussitu_define_unstructured(client, mesh, block, 5, GAUSSITU_F64, doubles, 2, GAUSSITU_I64, 8,
                                        connectivity, offsets, types);
  }
  if (!strcmp(kind, "badcells")) {
    const int32_t connectivity[] = {0, 1, 2, 9}, offsets[] = {0, 4};
    const uint8_t types[] = {10};
    return gaussitu_define_unstructured(client, mesh, block, 5, GAUSSITU_F32, floats, 1, GAUSSITU_I32, 4,
                                        connectivity, offsets, types);
  }
  if (!strcmp(kind, "points")) return gaussitu_define_points(client, mesh, block, 6, GAUSSITU_F64, doubles);
  if (!strcmp(kind, "empty")) return gaussitu_define_points(client, mesh, block, 0, GAUSSITU_F32, NULL);
  /* anything else: a number, that many points along a line */
  const int64_t n = atoll(kind);
  float* points = calloc((size_t)n * 3 + 1, sizeof *points);
  for (int64_t i = 0; i < n; ++i) points[3 * i] = (float)i;
  const int status = gaussitu_define_points(client, mesh, block, n, GAUSSITU_F32, points);
  free(points);
  return status;
}

static int put(int64_t step, int64_t index, const char* how, gaussitu_field* field) {
  static const size_t bytes[] = {4, 8, 1, 1, 2, 2, 4, 4, 8, 8};
  const size_t size = (size_t)field->count * (size_t)field->components * bytes[field->dtype];
  void* data = pattern(size, step, index);
  if (!strcmp(how, "borrow")) return gaussitu_put_field_borrowed(client, field, data, release, NULL);
  const int status = gaussitu_put_field(client, field, data);
  memset(data, 0xee, size); /* the copy must not care */
  free(data);
  return status;
}

static void print_status(void) {
  gaussitu_status s = {.size = sizeof s};
  int64_t dropped[8] = {0};
  gaussitu_get_status(client, &s);
  const int64_t lost = gaussitu_dropped_steps(client, dropped, 8);
  printf("{\"connected\": %d, \"refused\": %d, \"ended\": %" PRId64 ", \"acknowledged\": %" PRId64
         ", \"dropped\": %" PRId64 ", \"rejected\": %" PRId64 ", \"spilled\": %" PRId64
         ", \"pending\": %" PRId64 ", \"last\": %" PRId64 ", \"put\": %" PRIu64 ", \"sent\": %" PRIu64
         ", \"raw\": %" PRIu64 ", \"stored\": %" PRIu64 ", \"buffer\": %" PRIu64 ", \"peak\": %" PRIu64
         ", \"reconnects\": %" PRId64 ", \"errors\": %" PRId64 ", \"released\": %d, \"lost\": [",
         s.connected, s.refused, s.steps_ended, s.steps_acknowledged, s.steps_dropped, s.steps_rejected,
         s.steps_spilled, s.steps_pending, s.last_acknowledged, s.bytes_put, s.bytes_sent, s.raw_bytes,
         s.stored_bytes, s.buffer_bytes, s.buffer_peak, s.reconnects, s.errors,
         __atomic_load_n(&released, __ATOMIC_SEQ_CST));
  for (int64_t i = 0; i < lost && i < 8; ++i) printf("%s%" PRId64, i ? ", " : "", dropped[i]);
  puts("]}");
}

int main(void) {
  char line[1024], a[256], b[256], c[256];
  int64_t step = -1;
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    long long n = 0, m = 0, k = 0;
    double seconds = 0, time = 0;
    int dtype = 0, components = 1, association = 0;
    if (sscanf(line, "open %lld %lld", &n, &m) == 2) {
      gaussitu_options o;
      const gaussitu_meta meta[] = {{"code", "probe"}, {"git", "abc123"}};
      const gaussitu_target targets[] = {{"p*", GAUSSITU_TARGET_PSNR, 45}};
      gaussitu_options_init(&o);
      o.client = "probe";
      o.rank = (int32_t)n;
      o.ranks = (int32_t)m;
      o.meta = meta;
      o.meta_count = 2;
      o.targets = targets;
      o.target_count = 1;
      answer(gaussitu_open(&o, &client));
    } else if (sscanf(line, "define %255s %255s %lld", a, b, &n) == 3) {
      answer(define(a, b, n));
    } else if (sscanf(line, "begin %lld %lf", &n, &time) == 2) {
      const int status = gaussitu_begin_step(client, n, time);
      if (status >= 0) step = n;
      answer(status);
    } else if (sscanf(line, "put %255s %255s %255s %lld %lld %lld %d %d %d", c, a, b, &n, &m, &k, &dtype,
                      &components, &association) == 9) {
      gaussitu_field field; /* put copy|borrow NAME MESH BLOCK INDEX COUNT DTYPE COMPONENTS ASSOCIATION */
      gaussitu_field_init(&field);
      field.name = a;
      field.mesh = b;
      field.block = n;
      field.count = k;
      field.dtype = (gaussitu_dtype)dtype;
      field.components = components;
      field.association = (gaussitu_association)association;
      if (m == 1) {
        field.units = "m/s";
        field.target_kind = GAUSSITU_TARGET_RATIO;
        field.target = 80;
      }
      answer(put(step, m, c, &field));
    } else if (sscanf(line, "time %lf", &time) == 1) {
      answer(gaussitu_set_time(client, time));
    } else if (sscanf(line, "number %255s %lf", a, &time) == 2) {
      answer(gaussitu_put_numbers(client, a, &time, 1));
    } else if (sscanf(line, "numbers %255s %lld", a, &n) == 2) { /* 0, 0.5, 1, ... */
      double numbers[5000];
      for (int i = 0; i < 5000; ++i) numbers[i] = i / 2.0;
      answer(gaussitu_put_numbers(client, a, numbers, n));
    } else if (sscanf(line, "text %255s %255s", a, b) == 2) {
      answer(gaussitu_put_text(client, a, b));
    } else if (!strncmp(line, "end", 3)) {
      answer(gaussitu_end_step(client));
    } else if (sscanf(line, "wait %lf", &seconds) == 1) {
      answer(gaussitu_wait_connected(client, seconds));
    } else if (sscanf(line, "flush %lf", &seconds) == 1) {
      answer(gaussitu_flush(client, seconds));
    } else if (sscanf(line, "close %lf", &seconds) == 1) {
      const int status = gaussitu_close(client, seconds);
      client = NULL;
      answer(status);
    } else if (!strncmp(line, "released", 8)) {
      printf("{\"released\": %d}\n", __atomic_load_n(&released, __ATOMIC_SEQ_CST));
    } else if (!strncmp(line, "status", 6)) {
      print_status();
    } else {
      puts("{\"status\": \"unknown command\"}");
    }
  }
  return 0;
}
