/* Loading, registering and unregistering a plugin as in src/flb_plugin_proxy.c and
 * src/proxy/go/go.c. */
#include "host.h"
#include <dlfcn.h>

static void *symbol(void *handle, const char *name)
{
    void *s = dlsym(handle, name);
    dlerror();
    return s;
}

static struct api *create_api(void)
{
    struct api *api = new(sizeof *api); /* slots for inputs and customs stay empty: an output has no use for them */
    api->output_get_property = get_property;
    api->output_get_cmt_instance = flb_output_get_cmt_instance;
    api->log_print = flb_log_print;
    api->output_log_check = flb_output_log_check;
    return api;
}

static struct plugin *find_callbacks(void *handle)
{
    struct plugin *p = new(sizeof *p);
    *(void **)&p->init = symbol(handle, "FLBPluginInit");
    *(void **)&p->flush = symbol(handle, "FLBPluginFlush");
    *(void **)&p->flush_ctx = symbol(handle, "FLBPluginFlushCtx");
    *(void **)&p->exit = symbol(handle, "FLBPluginExit");
    *(void **)&p->exit_ctx = symbol(handle, "FLBPluginExitCtx");
    return p;
}

static const char *fault_of(struct proxy *x, int registered)
{
    if (registered == -1) return "FLBPluginRegister returned -1";
    if (x->def->proxy != GOLANG || x->def->type != OUTPUT_PLUGIN || !x->def->name)
        return "FLBPluginRegister did not register a Go output with a name: call output.FLBPluginRegister in it";
    if (!x->plugin->init) return "FLBPluginInit is not exported";
    if (!x->plugin->flush && !x->plugin->flush_ctx) return "neither FLBPluginFlushCtx nor FLBPluginFlush is exported";
    if (x->def->event_type || x->def->config_map)
        return "FLBPluginRegister wrote behind the first 32 bytes of the definition, all that Fluent Bit before 4.2.3 "
               "allocates: use fluent-bit-go of 2023-07";
    return NULL;
}

/* 'L' path: answers the plugin's name. */
void load(struct frame *f)
{
    char *path = read_string(f);
    void *handle = dlopen(path, RTLD_LAZY);
    free(path);
    if (!handle) return answer(f, -1, 0, dlerror());
    int (*reg)(struct proxy_def *);
    *(void **)&reg = symbol(handle, "FLBPluginRegister");
    if (!reg) return answer(f, -1, 0, "FLBPluginRegister is not exported: build it with -buildmode=c-shared");

    struct proxy *x = new(sizeof *x), **at;
    x->handle = handle;
    x->def = new(sizeof *x->def);
    x->api = create_api();
    int registered = reg(x->def);
    x->plugin = find_callbacks(handle);
    const char *fault = fault_of(x, registered);
    if (fault) return answer(f, -1, 0, fault);
    x->plugin->name = copy_string(x->def->name);
    for (at = &proxies; *at; at = &(*at)->next);
    *at = x;
    answer(f, 0, 0, x->plugin->name);
}

/* 'U': unregisters the oldest loading. */
void unload(struct frame *f)
{
    struct proxy *x = proxies;
    pthread_mutex_lock(&lock);
    int alive = x ? x->instances : 0;
    pthread_mutex_unlock(&lock);
    if (!x) return answer(f, -1, 0, "nothing is registered");
    if (alive) return answer(f, -1, 0, "it still has instances: call Exit of each first");
    int (*unregister)(struct proxy_def *);
    *(void **)&unregister = symbol(x->handle, "FLBPluginUnregister");
    if (unregister) unregister(x->def);
    proxies = x->next;
    poison_string(x->plugin->name);
    poison(x->plugin, sizeof *x->plugin);
    poison(x->def, sizeof *x->def);
    poison(x->api, sizeof *x->api);
    dlclose(x->handle);
    free(x);
    answer(f, 0, 0, "");
}
