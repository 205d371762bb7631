/* An instance from its section of the configuration to its Exit (src/flb_output.c,
 * src/proxy/go/go.c). */
#include "host.h"

static void free_instance(struct instance *ins)
{
    struct instance **at;
    pthread_mutex_lock(&lock);
    for (at = &instances; *at != ins; at = &(*at)->next);
    *at = ins->next;
    ins->proxy->instances--;
    pthread_mutex_unlock(&lock);
    free_properties(ins);
    free_metrics(ins->cmt);
    poison_string(ins->alias);
    poison(ins->context, sizeof *ins->context);
    poison(ins, sizeof *ins);
}

/* 'N' count, (key, value)…: answers the number of the instance. */
void declare(struct frame *f)
{
    static int next_id;
    struct proxy *x = proxies;
    while (x && x->next) x = x->next;
    if (!x) return answer(f, -1, 0, "no plugin is registered");
    struct instance *ins = new(sizeof *ins), **at;
    ins->id = next_id++;
    ins->log_level = log_level;
    ins->proxy = x;
    ins->context = new(sizeof *ins->context);
    ins->context->proxy = x;
    ins->cmt = new(sizeof *ins->cmt);
    snprintf(ins->name, sizeof ins->name, "%s.%d", x->plugin->name, ins->id);
    pthread_mutex_lock(&lock);
    for (at = &instances; *at; at = &(*at)->next);
    *at = ins;
    x->instances++;
    pthread_mutex_unlock(&lock);

    const char *fault = NULL;
    for (uint32_t i = take_u32(f); i > 0; i--) {
        char *key = read_string(f);
        const char *wrong = set_property(ins, key, read_string(f));
        if (wrong) fault = wrong;
    }
    int id = ins->id;
    if (fault) free_instance(ins);
    answer(f, fault ? -1 : id, 0, fault ? fault : "");
}

/* 'I' instance: answers the result of FLBPluginInit; 0 or less ends the instance without an
 * Exit. */
void run_init(struct frame *f, struct instance *ins)
{
    struct plugin *p = ins->proxy->plugin;
    p->api = ins->proxy->api;
    p->o_ins = ins;
    p->context = ins->context;
    int code = p->init(p);
    if (code <= 0) {
        flb_log_print(LOG_ERROR, NULL, 0, "[go proxy]: plugin '%s' failed to initialize", p->name);
        free_instance(ins);
        return answer(f, code, 0, "");
    }
    if (ins->worker_count > 0) ins->workers = new(sizeof *ins->workers * ins->worker_count);
    for (int i = 0; i < ins->worker_count; i++) start_thread(&ins->workers[i]);
    pthread_mutex_lock(&lock);
    ins->state = RUNNING;
    pthread_mutex_unlock(&lock);
    answer(f, code, 0, "");
}

/* 'X' instance: also without an Init before it, as Fluent Bit does when another instance's Init
 * failed. */
void run_exit(struct frame *f, struct instance *ins)
{
    struct plugin *p = ins->proxy->plugin;
    int code = 0;
    for (int i = 0; ins->workers && i < ins->worker_count; i++) join_thread(&ins->workers[i]);
    free(ins->workers);
    if (p->exit_ctx) code = p->exit_ctx(ins->context->remote_context);
    else if (p->exit) code = p->exit();
    free_instance(ins);
    answer(f, code, 0, "");
}
