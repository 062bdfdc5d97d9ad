/* Between the files of the fake driver. All of it is used under one lock, taken by the calls (calls.c). */
#ifndef FAKE_H
#define FAKE_H

#include "../../kernels/cuda/api.h"
#include "fake_cuda.h"

#define EXPORT __attribute__((visibility("default")))

enum { DEVICES_MAX = 8 };

/* Codes of cuda.h that only the driver itself uses. */
enum {
    INVALID_VALUE = 1,
    NOT_INITIALIZED = 3,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    LAUNCH_FAILED = 719,
};

typedef enum kind { CONTEXT, MODULE, FUNCTION, STREAM, EVENT, DEVICE_MEMORY, PINNED_MEMORY } kind;

/* A point in a stream, shared by the event recorded last there and by those who wait for it. */
typedef struct point {
    long holders;
    int done;
    uint32_t asked; /* how often an event was asked about it */
    struct object *stream;
} point;

/* What the driver has handed out. The handle of a thing is its address here, but for memory. */
typedef struct object {
    struct object *next;
    kind what;
    struct object *context; /* it belongs to */
    int device;
    long retained;                 /* CONTEXT */
    struct object *module;         /* FUNCTION */
    int kernel;                    /* FUNCTION */
    struct operation *head, *tail; /* STREAM */
    point *last;                   /* EVENT */
    char *host;                    /* memory */
    uint64_t address;              /* memory, as the program knows it */
    size_t bytes;
} object;

typedef struct operation {
    struct operation *next;
    enum { COPY_IN, COPY_OUT, LAUNCH, RECORD, WAIT } what;
    uint64_t address; /* copies */
    char *host;
    size_t bytes;
    void *snapshot; /* COPY_IN from memory that is not pinned */
    int kernel;     /* LAUNCH */
    uint32_t groups;
    uint64_t buffers[16];
    void *arguments;
    point *at; /* RECORD, WAIT */
} operation;

typedef struct fake_state {
    int initialized;
    int devices;
    size_t memory;
    unsigned seed, image;
    long corrupt, copies_out;
    long calls, fail_at;
    unsigned fail_code;
    int fail_sticky, failed;
    long violations;
    char first[200];
    long pushed, abandoned;
    object *objects;
} fake_state;

extern fake_state fake;

void fake_lock(void);
void fake_unlock(void);

/* Records a misuse. */
void fake_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

object *fake_add(kind what, object *context);
/* The object if it exists and is of that kind, else NULL. */
object *fake_find(kind what, const void *handle);
/* The memory that holds all of [address, address + bytes), or NULL. */
object *fake_find_memory(kind what, uint64_t address, size_t bytes);
void fake_remove(object *thing);

/* Takes the operation over. */
void fake_queue(object *stream, operation *work);
/* Does all that is in the stream, and what that waits for. */
void fake_drain(object *stream);
void fake_drain_context(object *context);
/* Throws away what is in the stream. */
void fake_discard(object *stream);
/* Whether the point is reached; a few questions are answered with no. */
int fake_ask(point *at);
point *fake_point(object *stream);
void fake_drop_point(point *at);

#endif
