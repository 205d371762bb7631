/* The structs that a plugin reaches through pointers. Only these four have Fluent Bit's order of
 * fields. */
#ifndef ABI_H
#define ABI_H
#include <stddef.h>

enum { ERROR, OK, RETRY };               /* include/fluent-bit/flb_output.h */
enum { OUTPUT_PLUGIN = 2, GOLANG = 11 }; /* include/fluent-bit/flb_plugin_proxy.h */
enum { LOG_ERROR = 1, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

struct instance;

/* flb_plugin_proxy.h: the plugin fills it in FLBPluginRegister, name and description are
 * malloc'ed by the plugin. */
struct proxy_def {
    int type, proxy, flags;
    char *name, *description;
    int event_type;   /* since 4.2.3: older ones allocate the 32 bytes before it only */
    void *config_map;
};

/* flb_plugin_proxy.h: one an instance; the plugin's remote_context comes back in FlushCtx and
 * ExitCtx. */
struct proxy_context {
    void *remote_context;
    void *proxy;
};

/* flb_api.h of 5.1.1. */
struct api {
    const char *(*output_get_property)(const char *, struct instance *);
    const char *(*input_get_property)(const char *, void *);
    void *(*output_get_cmt_instance)(struct instance *);
    void *(*input_get_cmt_instance)(void *);
    void (*log_print)(int, const char *, int, const char *, ...);
    int (*input_log_check)(void *, int);
    int (*output_log_check)(struct instance *, int);
    const char *(*custom_get_property)(const char *, void *);
    int (*custom_log_check)(void *, int);
};

/* src/proxy/go/go.h: one for all instances of a plugin, o_ins and context are set anew before
 * each Init. */
struct plugin {
    char *name;
    struct api *api;
    struct instance *o_ins;
    struct proxy_context *context;
    int (*init)(struct plugin *);
    int (*flush)(const void *, size_t, const char *);
    int (*flush_ctx)(void *, const void *, size_t, char *);
    int (*exit)(void);
    int (*exit_ctx)(void *);
};
#endif
