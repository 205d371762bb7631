/* A tiny registry with the prototypes of lib/cmetrics, printed in Prometheus' text form. */
#include "host.h"

enum { COUNTER, GAUGE, HISTOGRAM };
struct cmt_histogram_buckets {
    size_t count;
    double *upper_bounds;
};
struct series {
    struct series *next;
    char **labels;             /* NULL for the series without labels */
    double value;              /* of a histogram: the sum */
    uint64_t *buckets, count;  /* each bucket holds all smaller ones, the last is +Inf */
};
struct metric {
    struct metric *next;
    int kind, label_count;
    char *name, *help, **label_keys;
    struct cmt_histogram_buckets *buckets;
    struct series *series;
};

static char **copy_strings(char **from, int count)
{
    char **to = new(sizeof *to * count);
    for (int i = 0; i < count; i++) to[i] = copy_string(from[i]);
    return to;
}

static void poison_strings(char **strings, int count)
{
    for (int i = 0; strings && i < count; i++) poison_string(strings[i]);
    poison(strings, sizeof *strings * count);
}

static struct metric *create(struct cmt *cmt, int kind, const char *const parts[4], int label_count, char **keys)
{
    const char *ns = parts[0], *subsystem = parts[1], *name = parts[2], *help = parts[3];
    if (!cmt || !ns || !subsystem || !name || !*name || !help || !*help) return NULL;
    struct metric *m = new(sizeof *m), **at;
    m->kind = kind;
    m->label_count = label_count;
    m->label_keys = copy_strings(keys, label_count);
    m->help = copy_string(help);
    m->name = new(strlen(ns) + strlen(subsystem) + strlen(name) + 3);
    sprintf(m->name, "%s%s%s%s%s", ns, *ns ? "_" : "", subsystem, *subsystem ? "_" : "", name);
    pthread_mutex_lock(&lock);
    for (at = &cmt->metrics; *at; at = &(*at)->next);
    *at = m;
    pthread_mutex_unlock(&lock);
    return m;
}

static int same_labels(char **a, char **b, int count)
{
    if (!a || !b) return a == b;
    for (int i = 0; i < count; i++)
        if ((!a[i] || !b[i]) ? a[i] != b[i] : strcmp(a[i], b[i])) return 0;
    return 1;
}

/* The series for these label values, made on first use; NULL when their number is wrong. Called
 * with lock held. */
static struct series *series_of(struct metric *m, int count, char **labels)
{
    struct series **at;
    if (count > 0 && count != m->label_count) return NULL;
    if (count == 0) labels = NULL;
    for (at = &m->series; *at; at = &(*at)->next)
        if (same_labels((*at)->labels, labels, count)) return *at;
    struct series *s = *at = new(sizeof *s);
    if (labels) s->labels = copy_strings(labels, count);
    if (m->kind == HISTOGRAM) s->buckets = new(sizeof *s->buckets * (m->buckets->count + 1));
    return s;
}

enum change { ADD, SET, SET_UPWARDS, OBSERVE };

static int update(struct metric *m, enum change change, double value, int count, char **labels)
{
    int result = -1;
    pthread_mutex_lock(&lock);
    struct series *s = m ? series_of(m, count, labels) : NULL;
    if (s && !(change == SET_UPWARDS && value < s->value)) {
        result = 0;
        s->value = change == ADD || change == OBSERVE ? s->value + value : value;
        for (size_t i = 0; change == OBSERVE && i <= m->buckets->count; i++)
            if (i == m->buckets->count || value <= m->buckets->upper_bounds[i]) s->buckets[i]++;
        if (change == OBSERVE) s->count++;
    }
    pthread_mutex_unlock(&lock);
    if (result < 0) flb_log_print(LOG_ERROR, NULL, 0, "[cmetrics] unable to set %s: wrong labels or a counter set "
                                  "to less", m ? m->name : "a metric that was not created");
    return result;
}

#define PARTS ((const char *const[4]){ns, subsystem, name, help})
#define NAMES char *ns, char *subsystem, char *name, char *help
#define LABELS int count, char **labels
#define CREATES(function, kind) \
    EXPORT struct metric *function(struct cmt *cmt, NAMES, LABELS) { return create(cmt, kind, PARTS, count, labels); }
#define CHANGES_BY(function, change, sign) \
    EXPORT int function(struct metric *m, uint64_t ts, double v, LABELS) \
    { \
        return (void)ts, update(m, change, sign v, count, labels); \
    }
#define CHANGES_BY_ONE(function, one) \
    EXPORT int function(struct metric *m, uint64_t ts, LABELS) { return (void)ts, update(m, ADD, one, count, labels); }

CREATES(cmt_counter_create, COUNTER)
CHANGES_BY_ONE(cmt_counter_inc, 1)
CHANGES_BY(cmt_counter_add, ADD, +)
CHANGES_BY(cmt_counter_set, SET_UPWARDS, +)

CREATES(cmt_gauge_create, GAUGE)
CHANGES_BY_ONE(cmt_gauge_inc, 1)
CHANGES_BY_ONE(cmt_gauge_dec, -1)
CHANGES_BY(cmt_gauge_add, ADD, +)
CHANGES_BY(cmt_gauge_sub, ADD, -)
CHANGES_BY(cmt_gauge_set, SET, +)
CHANGES_BY(cmt_histogram_observe, OBSERVE, +)

EXPORT struct cmt_histogram_buckets *cmt_histogram_buckets_create_size(double *bounds, size_t count)
{
    if (count < 1) return NULL;
    struct cmt_histogram_buckets *b = new(sizeof *b);
    b->count = count;
    b->upper_bounds = new(sizeof(double) * (count + 1));
    if (bounds) memcpy(b->upper_bounds, bounds, sizeof(double) * count);
    return b;
}

/* Takes over the buckets; without any the defaults apply. */
EXPORT struct metric *cmt_histogram_create(struct cmt *cmt, NAMES, struct cmt_histogram_buckets *buckets, LABELS)
{
    static double defaults[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
    if (!buckets) buckets = cmt_histogram_buckets_create_size(defaults, sizeof defaults / sizeof *defaults);
    for (size_t i = 1; i < buckets->count; i++)
        if (buckets->upper_bounds[i - 1] > buckets->upper_bounds[i]) return NULL;
    struct metric *m = create(cmt, HISTOGRAM, PARTS, count, labels);
    if (m) m->buckets = buckets;
    return m;
}

/* Sets everything at once: count + 1 buckets, each with all smaller ones in it. */
EXPORT int cmt_histogram_set_default(struct metric *m, uint64_t ts, uint64_t *buckets, double sum, uint64_t total, LABELS)
{
    (void)ts;
    pthread_mutex_lock(&lock);
    struct series *s = m ? series_of(m, count, labels) : NULL;
    if (s) {
        memcpy(s->buckets, buckets, sizeof *buckets * (m->buckets->count + 1));
        s->value = sum;
        s->count = total;
    }
    pthread_mutex_unlock(&lock);
    return s ? 0 : -1;
}

/* Prints {label="value",…} with `le` first where a bucket is meant. */
static void print_labels(FILE *out, struct metric *m, struct series *s, const char *le)
{
    int printed = 0;
    if (le) fprintf(out, "{le=\"%s\"", le), printed++;
    for (int i = 0; s->labels && i < m->label_count; i++) {
        if (!s->labels[i]) continue;
        fprintf(out, "%c%s=\"", printed++ ? ',' : '{', m->label_keys[i]);
        for (const char *c = s->labels[i]; *c; c++) {
            if (*c == '\\' || *c == '"' || *c == '\n') fputc('\\', out);
            fputc(*c == '\n' ? 'n' : *c, out);
        }
        fputc('"', out);
    }
    if (printed) fputc('}', out);
}

static void print_series(FILE *out, struct metric *m, struct series *s)
{
    if (m->kind != HISTOGRAM) {
        fprintf(out, "%s", m->name);
        print_labels(out, m, s, NULL);
        fprintf(out, " %.17g\n", s->value);
        return;
    }
    for (size_t i = 0; i <= m->buckets->count; i++) {
        char le[32] = "+Inf";
        if (i < m->buckets->count) snprintf(le, sizeof le - 2, "%g", m->buckets->upper_bounds[i]);
        if (i < m->buckets->count && !strpbrk(le, ".e")) strcat(le, ".0");
        fprintf(out, "%s_bucket", m->name);
        print_labels(out, m, s, le);
        fprintf(out, " %llu\n", (unsigned long long)s->buckets[i]);
    }
    fprintf(out, "%s_sum", m->name);
    print_labels(out, m, s, NULL);
    fprintf(out, " %.17g\n%s_count", s->value, m->name);
    print_labels(out, m, s, NULL);
    fprintf(out, " %llu\n", (unsigned long long)s->count);
}

/* Prints the series of one name from all instances under one heading (HELP and TYPE), which is the
 * form of Fluent Bit's own endpoint. */
static void print_metric(FILE *out, const char *name)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    int heading = 0;
    for (struct instance *ins = instances; ins; ins = ins->next)
        for (struct metric *m = ins->cmt->metrics; m; m = m->next)
            for (struct series *s = strcmp(m->name, name) ? NULL : m->series; s; s = s->next) {
                if (!heading++)
                    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, m->help, name, kinds[m->kind]);
                print_series(out, m, s);
            }
}

static int seen_before(struct instance *until_instance, struct metric *until)
{
    for (struct instance *ins = instances;; ins = ins->next)
        for (struct metric *m = ins->cmt->metrics; m; m = m->next) {
            if (ins == until_instance && m == until) return 0;
            if (!strcmp(m->name, until->name)) return 1;
        }
}

void scrape(struct frame *f)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) die("open_memstream");
    pthread_mutex_lock(&lock);
    for (struct instance *ins = instances; ins; ins = ins->next)
        for (struct metric *m = ins->cmt->metrics; m; m = m->next)
            if (!seen_before(ins, m)) print_metric(out, m->name);
    pthread_mutex_unlock(&lock);
    fclose(out);
    answer(f, 0, 0, text);
    free(text);
}

void free_metrics(struct cmt *cmt)
{
    for (struct metric *m = cmt->metrics, *next; m; m = next) {
        next = m->next;
        for (struct series *s = m->series, *after; s; s = after) {
            after = s->next;
            poison_strings(s->labels, m->label_count);
            free(s->buckets);
            poison(s, sizeof *s);
        }
        poison_strings(m->label_keys, m->label_count);
        if (m->buckets) free(m->buckets->upper_bounds);
        free(m->buckets);
        free(m->name);
        free(m->help);
        poison(m, sizeof *m);
    }
    poison(cmt, sizeof *cmt);
}

EXPORT void *flb_output_get_cmt_instance(struct instance *ins) { return ins->cmt; }
