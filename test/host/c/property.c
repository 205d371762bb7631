/* The properties of an instance as in src/flb_output.c and src/flb_kv.c. */
#include "host.h"

const char *get_property(const char *key, struct instance *ins)
{
    if (!key || !*key) return NULL;
    for (struct property *p = ins->properties; p; p = p->next)
        if (!strcasecmp(p->key, key)) return p->value;
    return NULL;
}

/* A key that Fluent Bit keeps: the plugin never sees it, whatever its value. */
static int reserved(const char *key)
{
    static const char *const keys[] = {
        "match", "match_regex", "alias", "log_level", "log_suppress_interval", "host", "port", "ipv6", "retry_limit",
        "tls", "tls.verify", "tls.verify_hostname", "tls.debug", "tls.vhost", "tls.ca_path", "tls.ca_file",
        "tls.crt_file", "tls.key_file", "tls.key_passwd", "tls.min_version", "tls.max_version", "tls.ciphers",
        "tls.proxy.verify", "tls.proxy.verify_hostname", "tls.proxy.ca_path", "tls.proxy.ca_file",
        "storage.total_limit_size", "workers", NULL};
    if (!strncasecmp(key, "net.", 4) || !strncasecmp(key, "oauth2", 6)) return 1;
    for (int i = 0; keys[i]; i++)
        if (!strcasecmp(key, keys[i])) return 1;
    return 0;
}

/* Returns Fluent Bit's reason to reject the configuration, or NULL. Takes over both strings. */
const char *set_property(struct instance *ins, char *key, char *value)
{
    const char *fault = NULL;
    if (!*value) {
        free(value);
        value = NULL;
    }
    if (!reserved(key)) {
        struct property **at = &ins->properties, *p = new(sizeof *p);
        while (*at) at = &(*at)->next;
        p->key = key;
        p->value = value;
        *at = p;
        return NULL;
    }
    if (value && !strcasecmp(key, "tls") &&
        (!strcasecmp(value, "on") || !strcasecmp(value, "true") || !strcasecmp(value, "yes")))
        fault = "tls: Fluent Bit refuses it for a Go plugin (does not support TLS); use the plugin's own TLS settings";
    else if (value && !strcasecmp(key, "log_level") && (ins->log_level = level_number(value)) < 0)
        fault = "log_level: use off, error, warn, info, debug or trace";
    else if (value && !strcasecmp(key, "workers"))
        ins->worker_count = atoi(value);
    else if (value && !strcasecmp(key, "alias")) {
        free(ins->alias);
        ins->alias = copy_string(value);
    }
    free(key);
    free(value);
    return fault;
}

void free_properties(struct instance *ins)
{
    for (struct property *p = ins->properties, *next; p; p = next) {
        next = p->next;
        poison_string(p->key);
        poison_string(p->value);
        free(p);
    }
}
