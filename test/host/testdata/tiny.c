/*
 * A tiny output plugin in C that tests the host's promises. It declares what it needs of the ABI by itself, the short
 * way fluent-bit-go does, so that a mistake in the host's abi.h shows. A flush does what its tag says.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct def { int type, proxy, flags; char *name, *description; };
struct api { const char *(*get)(const char *, void *); };
struct context { void *mine; };
struct plugin { void *_; struct api *api; void *o_ins; struct context *context; };

struct state {
    void *o_ins, *counter, *gauge, *histogram;
    const char *codes; /* one digit a flush, borrowed from the host */
    const char *dump;  /* a file that gets every chunk that is answered OK */
    const unsigned char *kept;
};

static int (*log_check)(void *, int);
static void (*log_print)(int, const char *, int, const char *, ...);
static int (*add)(void *, uint64_t, double, int, char **);

static void say(int level, const char *text)
{
    if (log_print) log_print(level, NULL, 0, "%s", text);
    else fprintf(stderr, "tiny: %s\n", text);
}

int FLBPluginRegister(struct def *def)
{
    def->type = 2;
    def->proxy = 11;
    def->name = strdup("tiny");
    def->description = strdup("tests the host");
    return 0;
}

int FLBPluginUnregister(struct def *def)
{
    say(3, "unregistered");
    free(def->name);
    free(def->description);
    return 0;
}

static void make_metrics(struct state *s)
{
    void *(*cmt_of)(void *) = dlsym(RTLD_DEFAULT, "flb_output_get_cmt_instance");
    void *(*counter)(void *, char *, char *, char *, char *, int, char **) = dlsym(RTLD_DEFAULT, "cmt_counter_create");
    void *(*gauge)(void *, char *, char *, char *, char *, int, char **) = dlsym(RTLD_DEFAULT, "cmt_gauge_create");
    int (*set)(void *, uint64_t, double, int, char **) = dlsym(RTLD_DEFAULT, "cmt_gauge_set");
    void *(*buckets)(double *, size_t) = dlsym(RTLD_DEFAULT, "cmt_histogram_buckets_create_size");
    void *(*histogram)(void *, char *, char *, char *, char *, void *, int, char **) =
        dlsym(RTLD_DEFAULT, "cmt_histogram_create");
    int (*observe)(void *, uint64_t, double, int, char **) = dlsym(RTLD_DEFAULT, "cmt_histogram_observe");
    int (*set_default)(void *, uint64_t, uint64_t *, double, uint64_t, int, char **) =
        dlsym(RTLD_DEFAULT, "cmt_histogram_set_default");
    const char *(*name)(void *) = dlsym(RTLD_DEFAULT, "flb_output_name");
    if (!set_default || !cmt_of || !counter || !gauge || !set || !buckets || !histogram || !observe || !name) return;
    char *label[] = {"name"}, *value[] = {(char *)name(s->o_ins)};
    s->counter = counter(cmt_of(s->o_ins), "fluentbit", "output", "tiny_flushes_total", "Flushes.", 1, label);
    add(s->counter, 0, 0, 1, value);
    set(gauge(cmt_of(s->o_ins), "fluentbit", "output", "tiny_level", "A level.", 0, NULL), 0, 1.5, 0, NULL);
    double bounds[] = {0.5, 2};
    void *h = histogram(cmt_of(s->o_ins), "fluentbit", "output", "tiny_seconds", "Seconds.", buckets(bounds, 2), 1, label);
    set_default(h, 0, (uint64_t[]){7, 8, 9}, 1, 9, 1, value);
    set_default(h, 0, (uint64_t[]){0, 0, 0}, 0, 0, 1, value);
    for (int i = 0; i < 3; i++) observe(h, 0, i, 1, value);
}

int FLBPluginInit(struct plugin *p)
{
    struct state *s = calloc(1, sizeof *s);
    char line[512];
    s->o_ins = p->o_ins;
    log_print = dlsym(RTLD_DEFAULT, "flb_log_print");
    log_check = dlsym(RTLD_DEFAULT, "flb_output_log_check");
    add = dlsym(RTLD_DEFAULT, "cmt_counter_add");
    const char *show = p->api->get("Show", p->o_ins);
    for (char *keys = strdup(show ? show : ""), *key = strtok(keys, ","); key; key = strtok(NULL, ",")) {
        const char *value = p->api->get(key, p->o_ins);
        snprintf(line, sizeof line, "%s is %s", key, value ? value : "absent");
        say(3, line);
    }
    if (log_check && log_check(p->o_ins, 4)) say(4, "debug is on");
    s->codes = p->api->get("Codes", p->o_ins);
    s->dump = p->api->get("Dump", p->o_ins);
    p->context->mine = s;
    make_metrics(s);
    const char *result = p->api->get("Init", p->o_ins);
    return result ? atoi(result) : 1;
}

static void *say_from_a_thread(void *_)
{
    say(3, "from a thread of the plugin");
    return _;
}

/* Waits until n flushes are in here at once. */
static void meet(int n)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t all = PTHREAD_COND_INITIALIZER;
    static int here;
    pthread_mutex_lock(&lock);
    here++;
    pthread_cond_broadcast(&all);
    while (here < n) pthread_cond_wait(&all, &lock);
    pthread_mutex_unlock(&lock);
}

static int use_stack(int bytes)
{
    volatile char *block = __builtin_alloca(bytes);
    for (int i = bytes - 1; i >= 0; i--) block[i] = 1;
    return block[0];
}

int FLBPluginFlushCtx(struct state *s, const unsigned char *data, int size, const char *tag)
{
    int number = strchr(tag, ' ') ? atoi(strchr(tag, ' ')) : 0;
    pthread_t thread;
    if (s->counter) {
        const char *(*name)(void *) = dlsym(RTLD_DEFAULT, "flb_output_name");
        add(s->counter, 0, 1, 1, (char *[]){(char *)name(s->o_ins)});
    }
    if (!strncmp(tag, "return", 6)) return number;
    if (!strncmp(tag, "stack", 5)) return use_stack(number);
    if (!strncmp(tag, "meet", 4)) meet(number);
    if (!strncmp(tag, "sleep", 5)) usleep(number * 1000);
    if (!strcmp(tag, "keep")) s->kept = data;
    if (!strcmp(tag, "peek")) return s->kept[100] == 0xDB;
    if (!strcmp(tag, "write")) ((unsigned char *)data)[0] ^= 1;
    if (!strcmp(tag, "size")) return size == 3 && !memcmp(data, "abc", 3);
    if (!strcmp(tag, "crash")) *(volatile int *)8 = 1;
    if (!strcmp(tag, "print")) printf("hello"), fflush(stdout);
    if (!strcmp(tag, "thread") && !pthread_create(&thread, NULL, say_from_a_thread, NULL)) pthread_join(thread, NULL);
    if (s->codes && *s->codes && *s->codes++ != '1') return s->codes[-1] - '0';
    FILE *file = s->dump ? fopen(s->dump, "a") : NULL;
    if (file) fwrite(data, 1, size, file), fclose(file);
    return 1;
}

int FLBPluginExitCtx(struct state *s)
{
    say(3, s ? "exit" : "exit without init");
    free(s);
    return 1;
}
