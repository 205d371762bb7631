/* Fluent Bit's executable exports its functions, so they are found by name:
 * include/fluent-bit/flb_log.h, flb_output.h and the headers of its bundled
 * cmetrics have their prototypes. Nothing of its structures is read. */
#define _GNU_SOURCE
#include "host.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#ifdef __linux__
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21 /* Linux 5.4 */
#endif
#endif

static struct {
    void (*print)(int, const char *, int, const char *, ...);
    const char *(*name)(void *);
    int (*enabled)(void *, int);
    void *(*cmt)(void *);
    void *(*counter_create)(void *, char *, char *, char *, char *, int, char **);
    int (*counter_add)(void *, uint64_t, double, int, char **);
    void *(*gauge_create)(void *, char *, char *, char *, char *, int, char **);
    int (*gauge_set)(void *, uint64_t, double, int, char **);
    void *(*buckets_create)(double *, size_t);
    void *(*histogram_create)(void *, char *, char *, char *, char *, void *, int, char **);
    int (*histogram_set)(void *, uint64_t, uint64_t *, double, uint64_t, int, char **);
} flb;

/* Returns whether there is a logger to print to. Called before any other
 * function here, from one thread. */
int outes_resolve(void)
{
    *(void **) &flb.print = dlsym(RTLD_DEFAULT, "flb_log_print");
    *(void **) &flb.name = dlsym(RTLD_DEFAULT, "flb_output_name");
    *(void **) &flb.enabled = dlsym(RTLD_DEFAULT, "flb_output_log_check");
    *(void **) &flb.cmt = dlsym(RTLD_DEFAULT, "flb_output_get_cmt_instance");
    *(void **) &flb.counter_create = dlsym(RTLD_DEFAULT, "cmt_counter_create");
    *(void **) &flb.counter_add = dlsym(RTLD_DEFAULT, "cmt_counter_add");
    *(void **) &flb.gauge_create = dlsym(RTLD_DEFAULT, "cmt_gauge_create");
    *(void **) &flb.gauge_set = dlsym(RTLD_DEFAULT, "cmt_gauge_set");
    *(void **) &flb.buckets_create = dlsym(RTLD_DEFAULT, "cmt_histogram_buckets_create_size");
    *(void **) &flb.histogram_create = dlsym(RTLD_DEFAULT, "cmt_histogram_create");
    *(void **) &flb.histogram_set = dlsym(RTLD_DEFAULT, "cmt_histogram_set_default");
    return flb.print != NULL && flb.name != NULL;
}

#ifdef __linux__
/* Offers the kernel the pages of this shared object's read-only segments. They
 * are the file's own bytes, and are read again on demand. Segments that the loader
 * or Go write to are left alone. Only single pages of the data are needed later:
 * without MADV_RANDOM each would bring back all the pages around it. */
static int release_segments(struct dl_phdr_info *object, size_t size, void *unused)
{
    uintptr_t here = (uintptr_t) &release_segments, page = (uintptr_t) sysconf(_SC_PAGESIZE);
    int i, ours = 0;

    (void) size;
    (void) unused;
    for (i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + segment->p_vaddr;

        ours |= segment->p_type == PT_LOAD && here >= start && here < start + segment->p_memsz;
    }
    for (i = 0; ours && i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;

        if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W)) {
            if (!(segment->p_flags & PF_X)) {
                madvise((void *) start, end - start, MADV_RANDOM);
            }
            madvise((void *) start, end - start, MADV_PAGEOUT);
        }
    }
    return ours;
}
#endif

/* An advice, which the kernel may ignore. */
void outes_release_pages(void)
{
#ifdef __linux__
    dl_iterate_phdr(release_segments, NULL);
#endif
}

int outes_has_metrics(void)
{
    return flb.cmt && flb.counter_create && flb.counter_add && flb.gauge_create && flb.gauge_set && flb.buckets_create && flb.histogram_create && flb.histogram_set;
}

const char *outes_name(void *instance) { return flb.name(instance); }

int outes_enabled(void *instance, int level) { return flb.enabled == NULL || flb.enabled(instance, level); }

void outes_print(int level, const char *line) { flb.print(level, NULL, 0, "%s", line); }

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

void *outes_counter(void *instance, char *name, char *help, char *label)
{
    char *keys[2] = {"name", label};

    return flb.counter_create(flb.cmt(instance), "fluentbit", "output", name, help, label ? 2 : 1, keys);
}

void outes_counter_add(struct outes_series *series, double delta)
{
    flb.counter_add(series->metric, now(), delta, series->labels, series->values);
}

void *outes_gauge(void *instance, char *name, char *help)
{
    char *keys[1] = {"name"};

    return flb.gauge_create(flb.cmt(instance), "fluentbit", "output", name, help, 1, keys);
}

void outes_gauge_set(struct outes_series *series, double value)
{
    flb.gauge_set(series->metric, now(), value, series->labels, series->values);
}

void *outes_histogram(void *instance, char *name, char *help, double *bounds, size_t count)
{
    char *keys[1] = {"name"};

    return flb.histogram_create(flb.cmt(instance), "fluentbit", "output", name, help, flb.buckets_create(bounds, count), 1, keys);
}

void outes_histogram_set(struct outes_series *series, uint64_t *cumulative, double sum, uint64_t count)
{
    flb.histogram_set(series->metric, now(), cumulative, sum, count, series->labels, series->values);
}

/* Fluent Bit names its engine's thread (src/flb_engine.c), the name of which a
 * worker of an output does not have. */
int outes_on_engine_thread(void)
{
    char name[16] = "";

    return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 && strcmp(name, "flb-pipeline") == 0;
}
