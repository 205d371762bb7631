#ifndef OUT_ES_HOST_H
#define OUT_ES_HOST_H

#include <stddef.h>
#include <stdint.h>

/* Nothing of this file is seen outside the shared object. */
#pragma GCC visibility push(hidden)

/* The argument of FLBPluginInit (Fluent Bit's src/proxy/go/go.h). Only its instance
 * is used, and only as a handle for Fluent Bit's own functions. */
struct outes_plugin {
    void *reserved;
    void *api;
    void *instance;
    void *context;
};

/* One label set of a metric of Fluent Bit's. */
struct outes_series {
    void *metric;
    int labels;
    char *values[2];
};

/* Timer slack of Go's threads in nanoseconds: how late a timer of theirs may be. */
#define OUTES_TIMER_SLACK 2000000

void outes_restore_slack(void);
int outes_resolve(void);
void outes_release_pages(void);
int outes_on_engine_thread(void);
int outes_has_metrics(void);
const char *outes_name(void *instance);
int outes_enabled(void *instance, int level);
void outes_print(int level, const char *line);
void *outes_counter(void *instance, char *name, char *help, char *label);
void outes_counter_add(struct outes_series *series, double delta);
void *outes_gauge(void *instance, char *name, char *help);
void outes_gauge_set(struct outes_series *series, double value);
void *outes_histogram(void *instance, char *name, char *help, double *bounds, size_t count);
void outes_histogram_set(struct outes_series *series, uint64_t *cumulative, double sum, uint64_t count);

#pragma GCC visibility pop

#endif
