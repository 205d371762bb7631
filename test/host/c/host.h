/*
 * The host's own parts and their owners. host.c reads the commands; thread.c runs jobs on other
 * threads. load.c, instance.c and flush.c are the life of a plugin, of an instance and of a chunk.
 * log.c and metrics.c are the symbols that Fluent Bit's executable exports; frame.c is the
 * conversation with the Go side.
 */
#ifndef HOST_H
#define HOST_H
#ifdef __APPLE__
#define _XOPEN_SOURCE 700
#define _DARWIN_C_SOURCE
#else
#define _GNU_SOURCE
#endif
#include "abi.h"
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/*
 * The rest of the program is compiled with hidden visibility. With HOST_BARE the plugin finds none
 * of these by name either, as in a Fluent Bit that doesn't export its functions.
 */
#ifdef HOST_BARE
#define EXPORT
#else
#define EXPORT __attribute__((visibility("default")))
#endif

enum { POISON = 0xDB };
enum { DECLARED, STARTING, RUNNING, LEAVING }; /* an instance's life */

struct frame {                 /* a command; whoever answers it frees it */
    uint32_t id, size, at;
    char op;
    char data[];
};
struct proxy {                 /* one loading of the .so; a hot reload makes a second one before the first goes */
    struct proxy *next;
    void *handle;
    struct proxy_def *def;
    struct plugin *plugin;
    struct api *api;
    int instances;             /* guarded by lock */
};
struct property {
    struct property *next;
    char *key, *value;         /* value is NULL where the configuration gave an empty one */
};
struct cmt {                   /* an instance's metrics; guarded by lock */
    struct metric *metrics;
};
struct thread {
    pthread_t tid;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *first, **last;
    int stop;
};
struct instance {
    struct instance *next;     /* guarded by lock, as are state and turn; the rest is fixed before Init */
    int id, state, log_level, worker_count, turn;
    char name[64], *alias;
    struct proxy *proxy;
    struct proxy_context *context;
    struct property *properties;
    struct cmt *cmt;
    struct thread *workers;
};

extern pthread_mutex_t lock;
extern struct instance *instances; /* guarded by lock */
extern struct proxy *proxies;      /* oldest first; the main thread's own */
extern struct thread engine;
extern size_t stack_bytes;
extern int log_fd, log_level, frames_in, frames_out;
extern __thread int ours;          /* this thread was started by the host */

/* memory.c: never NULL; poison overwrites before it frees, so that a pointer kept by the plugin
 * shows up. */
void die(const char *what);
void *new(size_t size);
char *copy_string(const char *s);
void poison(void *p, size_t size);
void poison_string(char *s);
void retire_chunk(char *chunk, size_t size);

/* frame.c */
struct frame *read_frame(void);
char *read_bytes(struct frame *f, uint32_t size);
uint32_t take_u32(struct frame *f);
char *read_string(struct frame *f);
void answer(struct frame *f, int code, uint32_t extra, const char *text);

/* thread.c */
void start_thread(struct thread *t);
void enqueue(struct thread *t, struct frame *f, struct instance *ins);
void join_thread(struct thread *t);

/* load.c */
void load(struct frame *f);
void unload(struct frame *f);

/* instance.c */
void declare(struct frame *f);
void run_init(struct frame *f, struct instance *ins);
void run_exit(struct frame *f, struct instance *ins);

/* property.c */
const char *get_property(const char *key, struct instance *ins);
const char *set_property(struct instance *ins, char *key, char *value);
void free_properties(struct instance *ins);

/* flush.c */
void run_flush(struct frame *f, struct instance *ins);

/* log.c */
int level_number(const char *name);
EXPORT void flb_log_print(int type, const char *file, int line, const char *format, ...);
EXPORT const char *flb_output_name(struct instance *ins);
EXPORT int flb_output_log_check(struct instance *ins, int level);

/* metrics.c */
EXPORT void *flb_output_get_cmt_instance(struct instance *ins);
void scrape(struct frame *f);
void free_metrics(struct cmt *cmt);
#endif
