/* Gaussitu client, C interface: streams the timesteps of a running simulation to a gaussitu service.
 *
 *   gaussitu_options o;  gaussitu_options_init(&o);  o.run = "wing-17";  o.rank = rank;  o.ranks = ranks;
 *   gaussitu_client* g = NULL;
 *   if (gaussitu_open(&o, &g)) fprintf(stderr, "%s\n", gaussitu_last_error(NULL));
 *   gaussitu_define_uniform(g, "grid", rank, &grid, origin, spacing);
 *   per step:  gaussitu_begin_step(g, step, time);
 *              gaussitu_put_field(g, &field, values);   // copied: `values` is free again on return
 *              gaussitu_end_step(g);                    // from here the library's own thread sends it
 *   gaussitu_close(g, 60.0);                            // waits until all is durable, at most 60 s
 *
 * Promises. No call prints, aborts, throws or raises a signal. No call but gaussitu_flush, gaussitu_close,
 * gaussitu_wait_connected and, with the `block` policy, gaussitu_put_field waits for the service. A step is
 * delivered completely or not at all, at least once, in order; it is kept until the service acknowledges
 * that it is on disk, and sent again after a lost connection or a restart of the service.
 * Every function accepts a NULL client (then it does nothing and returns GAUSSITU_E_STATE), so a simulation
 * whose open failed may go on without further checks.
 * One thread of the simulation at a time may use a client. */
#ifndef GAUSSITU_H
#define GAUSSITU_H
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define GAUSSITU_API
#else
#define GAUSSITU_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What every function returns: 0 done; above 0 done otherwise than asked; below 0 failed.
 * gaussitu_last_error() has the sentence. */
enum {
  GAUSSITU_OK = 0,
  GAUSSITU_DROPPED = 1,    /* this step is not sent: no room in time, see gaussitu_policy */
  GAUSSITU_SPILLED = 2,    /* this step is on local disk, and is sent from there when there is credit */
  GAUSSITU_TIMEOUT = 3,    /* the time limit passed; the work goes on */
  GAUSSITU_E_INVALID = -1, /* an argument, option or environment variable makes no sense */
  GAUSSITU_E_STATE = -2,   /* calls in the wrong order, or a NULL client */
  GAUSSITU_E_REFUSED = -3, /* the service refused this run: nothing more is sent */
  GAUSSITU_E_MEMORY = -4,  /* no memory, or one step is larger than the whole buffer */
  GAUSSITU_E_DISK = -5,    /* spilling failed: disk full, folder not writable */
  GAUSSITU_E_INTERNAL = -6 /* a bug of this library */
};

/* What happens to a step when the buffer is full because the service is slow or gone. */
typedef enum {
  GAUSSITU_BLOCK = 0, /* wait for room, at most block_seconds; then drop the step. One such wait per outage:
                         later steps are dropped at once until the service moves again */
  GAUSSITU_DROP = 1,  /* drop the step at once */
  GAUSSITU_SPILL = 2, /* write the step raw to spill_dir; sent from there later, deleted when acknowledged */
  GAUSSITU_OFF = 3    /* no coupling: every call succeeds and does nothing */
} gaussitu_policy;

typedef enum {
  GAUSSITU_F32 = 0,
  GAUSSITU_F64,
  GAUSSITU_I8,
  GAUSSITU_U8,
  GAUSSITU_I16,
  GAUSSITU_U16,
  GAUSSITU_I32,
  GAUSSITU_U32,
  GAUSSITU_I64,
  GAUSSITU_U64
} gaussitu_dtype;

typedef enum { GAUSSITU_NODE = 0, GAUSSITU_CELL = 1 } gaussitu_association;

/* What a field has to meet; the service's own settings come first. */
typedef enum {
  GAUSSITU_TARGET_NONE = 0,
  GAUSSITU_TARGET_RATIO, /* raw bytes over stored bytes */
  GAUSSITU_TARGET_PSNR,  /* dB over the value range */
  GAUSSITU_TARGET_BYTES, /* stored bytes per step */
  GAUSSITU_TARGET_ABS,   /* every value within this, field units; 0: exact */
  GAUSSITU_TARGET_REL,   /* every value within this times the value range of its block at the step */
  GAUSSITU_TARGET_PW_REL /* every value within this times its own size; zeros and signs exactly */
} gaussitu_target_kind;

typedef struct {
  const char* field; /* field name or glob, e.g. "velocity_*" */
  gaussitu_target_kind kind;
  double value; /* > 0; GAUSSITU_TARGET_ABS and _REL: >= 0; _PW_REL: < 1 */
} gaussitu_target;

typedef struct {
  const char* key;
  const char* value;
} gaussitu_meta;

/* Strings are copied by gaussitu_open. Environment variables, when set, win over what stands here; they are
 * named in brackets. */
typedef struct {
  size_t size;               /* set by gaussitu_options_init */
  const char* endpoint;      /* [GAUSSITU_ENDPOINT] default tcp://127.0.0.1:5555; ipc://… works too */
  const char* run;           /* [GAUSSITU_RUN] the same on all ranks; 1-200 of A-Z a-z 0-9 . _ - */
  const char* client;        /* name of the simulation code, for the record; default "gaussitu-client" */
  int32_t rank, ranks;       /* default 0 of 1 */
  gaussitu_policy policy;    /* [GAUSSITU_POLICY] block (default) | drop | spill | off */
  double block_seconds;      /* [GAUSSITU_BLOCK_SECONDS] default 60 */
  uint64_t buffer_bytes;     /* [GAUSSITU_BUFFER_BYTES] copies of fields held at once; default 512 MiB */
  const char* spill_dir;     /* [GAUSSITU_SPILL_DIR] default "gaussitu-spill" */
  double liveness_seconds;   /* [GAUSSITU_LIVENESS_SECONDS] silence that means a lost service; default 30 */
  int32_t checksum;          /* [GAUSSITU_CHECKSUM] 1: CRC-32 with every array (about 1 GB/s); default 0 */
  const gaussitu_meta* meta; /* stored with the run */
  size_t meta_count;
  const gaussitu_target* targets; /* per field glob, for the whole run */
  size_t target_count;
  int32_t ignore_environment; /* 1: what stands here wins over the environment variables; default 0 */
} gaussitu_options;

/* One block of a (possibly decomposed) structured grid. `dims` counts nodes of the arrays, x fastest, ghosts
 * included. Zero-initialise what is not needed. */
typedef struct {
  int64_t dims[3];
  int64_t ghost[6];       /* layers xlo, xhi, ylo, yhi, zlo, zhi that belong to other blocks */
  int64_t start[3];       /* global index of the first node of the arrays (ghosts included: may be -1) */
  int64_t global_dims[3]; /* nodes of the whole grid; all 0: not decomposed */
} gaussitu_grid;

/* Where a patch of an adaptively refined grid overlaps another one. Indices count cells. */
typedef struct {
  int64_t block;     /* the other patch, of the same mesh */
  int32_t child;     /* 1: the other one is finer, 0: it is coarser */
  int64_t ratio[3];  /* cells of the finer one per cell of the coarser one */
  int64_t origin[3]; /* first cell of the overlap, in this patch */
  int64_t dims[3];   /* cells of the overlap, in this patch */
} gaussitu_nesting;

typedef struct {
  size_t size; /* set by gaussitu_field_init */
  const char* name;
  const char* mesh; /* (mesh, block) must have been defined */
  int64_t block;
  gaussitu_association association;
  gaussitu_dtype dtype;
  int64_t count;      /* values; must fit the mesh */
  int32_t components; /* 1-9, interleaved; default 1 */
  const char* units;  /* or NULL */
  gaussitu_target_kind target_kind;
  double target;
} gaussitu_field;

typedef struct {
  size_t size;                /* set by the caller: sizeof(gaussitu_status) */
  int32_t connected;          /* 1: the service has welcomed this rank and is alive */
  int32_t refused;            /* 1: the service will not take this run */
  int64_t steps_ended;        /* gaussitu_end_step calls */
  int64_t steps_acknowledged; /* durable in the archive */
  int64_t steps_dropped;      /* given up by the policy or an error; their numbers: gaussitu_dropped_steps */
  int64_t steps_rejected;     /* not taken by the service, or never completed by another rank */
  int64_t steps_spilled;      /* were written to disk, and were not acknowledged since */
  int64_t steps_pending;      /* in memory or on disk, not acknowledged yet */
  int64_t last_acknowledged;  /* step number, -1: none */
  uint64_t bytes_put;         /* array bytes of ended steps */
  uint64_t bytes_sent;        /* array bytes given to the socket, resent ones counted again */
  uint64_t raw_bytes;         /* of acknowledged steps, all ranks, as the service counts them */
  uint64_t stored_bytes;      /* on disk, ditto */
  uint64_t buffer_bytes;      /* copies held now */
  uint64_t buffer_peak;       /* most held at once: never above the option buffer_bytes */
  int64_t reconnects;         /* times the conversation was begun again */
  int64_t errors;             /* error answers of the service; the last: gaussitu_last_error */
  double blocked_seconds;     /* time the simulation waited in gaussitu_put_field */
} gaussitu_status;

typedef struct gaussitu_client gaussitu_client;

/* Called once, from any thread, when a borrowed array is no longer needed. Must not call gaussitu_*. */
typedef void (*gaussitu_release)(void* data, void* context);

GAUSSITU_API void gaussitu_options_init(gaussitu_options* options);
/* Sets one option from text, as the environment variables are read: "endpoint", "run", "spill_dir" (not
 * copied: `text` must live until gaussitu_open), "policy", "block_seconds", "liveness_seconds",
 * "buffer_bytes" (512M, 2Gi, ...), "checksum", "rank", "ranks". E_INVALID with a sentence in
 * gaussitu_last_error(NULL). */
GAUSSITU_API int gaussitu_options_set(gaussitu_options* options, const char* option, const char* text);
/* Sets kind and value from text: "ratio", "psnr", "bytes" (200k, 1M, ...), "abs", "rel" or "pw_rel".
 * E_INVALID likewise. */
GAUSSITU_API int gaussitu_target_set(gaussitu_target* target, const char* kind, const char* value);
GAUSSITU_API void gaussitu_field_init(gaussitu_field* field);

/* Starts the sender thread and returns at once: the service need not be there yet. On failure *client is
 * NULL and gaussitu_last_error(NULL) has the reason. */
GAUSSITU_API int gaussitu_open(const gaussitu_options* options, gaussitu_client** client);

/* Waits until the service has welcomed this rank: OK, TIMEOUT or E_REFUSED. Not needed before sending. */
GAUSSITU_API int gaussitu_wait_connected(gaussitu_client* client, double seconds);

/* Meshes. Arrays are copied. Defining a (mesh, block) again replaces it for later steps, not within one.
 * `block` is unique over all ranks for this mesh; the rank number is the usual choice. `dtype` of
 * coordinates: F32 or F64; indices: I32 or I64. */
GAUSSITU_API int gaussitu_define_uniform(gaussitu_client* client, const char* mesh, int64_t block,
                                         const gaussitu_grid* grid, const double origin[3],
                                         const double spacing[3]);
GAUSSITU_API int gaussitu_define_rectilinear(gaussitu_client* client, const char* mesh, int64_t block,
                                             const gaussitu_grid* grid, gaussitu_dtype dtype, const void* x,
                                             const void* y, const void* z);
/* points: [nx*ny*nz, 3] */
GAUSSITU_API int gaussitu_define_curvilinear(gaussitu_client* client, const char* mesh, int64_t block,
                                             const gaussitu_grid* grid, gaussitu_dtype dtype,
                                             const void* points);
/* points: [nodes, 3]; connectivity: [connectivity_count] node indices of all cells, one after the other;
 * offsets: [cells + 1] where each begins; types: [cells] VTK cell types. */
GAUSSITU_API int gaussitu_define_unstructured(gaussitu_client* client, const char* mesh, int64_t block,
                                              int64_t nodes, gaussitu_dtype dtype, const void* points,
                                              int64_t cells, gaussitu_dtype index_dtype,
                                              int64_t connectivity_count, const void* connectivity,
                                              const void* offsets, const uint8_t* types);
GAUSSITU_API int gaussitu_define_points(gaussitu_client* client, const char* mesh, int64_t block,
                                        int64_t nodes, gaussitu_dtype dtype, const void* points);

/* What else is known of a mesh: to be called after gaussitu_define_... of the same (mesh, block), for later
 * steps. Defining it again forgets all three. Arrays are copied.
 *
 * Ghosts that are not whole layers of a grid: nodes [nodes] and cells [cells], each may be NULL; 0 marks a
 * real value, anything else one that belongs to another block or to none. The marks are kept with the mesh;
 * no statistics, bound or model sees the marked values. */
GAUSSITU_API int gaussitu_define_ghosts(gaussitu_client* client, const char* mesh, int64_t block,
                                        const uint8_t* nodes, const uint8_t* cells);
/* Faces of an unstructured mesh's polyhedra (VTK type 42, whose connectivity lists each node once). faces:
 * per polyhedron the number of its faces, then per face the number of its nodes and their indices; offsets:
 * [cells + 1] where each cell's part begins (cells of other types have none). */
GAUSSITU_API int gaussitu_define_faces(gaussitu_client* client, const char* mesh, int64_t block,
                                       gaussitu_dtype index_dtype, int64_t faces_count, const void* faces,
                                       const void* offsets);
/* Level of a patch (0: coarsest) and the patches that it overlaps; for grids. */
GAUSSITU_API int gaussitu_define_nesting(gaussitu_client* client, const char* mesh, int64_t block,
                                         int32_t level, const gaussitu_nesting* windows, size_t count);

/* Steps of a rank increase and do not overlap; numbers may be left out. */
GAUSSITU_API int gaussitu_begin_step(gaussitu_client* client, int64_t step, double time);
/* Copies `data` ([count, components]) into the buffer. DROPPED or SPILLED tell what the policy did with the
 * step. */
GAUSSITU_API int gaussitu_put_field(gaussitu_client* client, const gaussitu_field* field, const void* data);
/* Borrows `data` until `release(data, context)` is called: after the step was acknowledged, dropped or
 * spilled, at the latest in gaussitu_close; also when this call fails. Borrowed arrays do not count against
 * buffer_bytes. A NULL `release` copies. */
GAUSSITU_API int gaussitu_put_field_borrowed(gaussitu_client* client, const gaussitu_field* field,
                                             const void* data, gaussitu_release release, void* context);
/* The same for an array on a CUDA card: `data` is an address of the device (cudaMalloc, cudaMallocManaged),
 * `stream` the cudaStream_t or CUstream that fills it (NULL: the default stream). Returns while the copy is
 * under way, into pinned memory that counts against buffer_bytes, behind what `stream` has to do now: the
 * array must not change until gaussitu_end_step, which waits for all copies of the step. Speaks to the driver
 * alone (libcuda.so.1), found at run time. E_INVALID where there is none, or the address is not CUDA's. Never
 * run on a card so far (docs/cuda.md). */
GAUSSITU_API int gaussitu_put_field_device(gaussitu_client* client, const gaussitu_field* field,
                                           const void* data, void* stream);
/* Replaces the time that begin_step gave. */
GAUSSITU_API int gaussitu_set_time(gaussitu_client* client, double time);
/* Named values of the step, kept in the archive beside its fields (energy, dt, a label): numbers, or a UTF-8
 * text of at most 4096 bytes. The same name again replaces; of several ranks the lowest one's value counts.
 * At most 4000 numbers and 64 KiB in a step and rank. Not written by the spill policy. */
GAUSSITU_API int gaussitu_put_numbers(gaussitu_client* client, const char* name, const double* values,
                                      int64_t count);
GAUSSITU_API int gaussitu_put_text(gaussitu_client* client, const char* name, const char* text);
GAUSSITU_API int gaussitu_end_step(gaussitu_client* client);

/* Waits until every ended step is acknowledged: OK, TIMEOUT or E_REFUSED. A service that has never answered
 * is waited for no longer than liveness_seconds, here and in gaussitu_close; gaussitu_wait_connected waits
 * for it as long as one likes. */
GAUSSITU_API int gaussitu_flush(gaussitu_client* client, double seconds);
/* Fills status->size bytes of *status. */
GAUSSITU_API int gaussitu_get_status(gaussitu_client* client, gaussitu_status* status);
/* Writes the numbers of dropped and rejected steps, oldest first, at most `capacity` of them; returns how
 * many there are (the last 65536 are kept). */
GAUSSITU_API int64_t gaussitu_dropped_steps(gaussitu_client* client, int64_t* steps, int64_t capacity);
/* Flushes, says goodbye and frees everything, within about `seconds`. A step that was begun and not ended is
 * dropped. OK: all is durable. SPILLED: the rest is on disk. TIMEOUT or E_REFUSED: steps were given up;
 * gaussitu_last_error(NULL) says how many. */
GAUSSITU_API int gaussitu_close(gaussitu_client* client, double seconds);

/* The last failure or remark as a sentence: what was expected, what came, how to mend it. Of this client, or
 * (NULL) of this thread's last gaussitu_open, gaussitu_close or call with a NULL client. Valid until the next
 * call. */
GAUSSITU_API const char* gaussitu_last_error(gaussitu_client* client);
GAUSSITU_API const char* gaussitu_status_name(int status);
GAUSSITU_API const char* gaussitu_version(void);

#ifdef __cplusplus
}
#endif
#endif
