/* The log as in Fluent Bit's src/flb_log.c, and its exported functions about an instance
 * (src/flb_output.c). */
#include "host.h"
#include <stdarg.h>
#include <sys/time.h>
#include <time.h>

enum { LOG_MESSAGE_BYTES = 4096 - sizeof(size_t) }; /* struct log_message: what is longer is cut */

EXPORT void flb_log_print(int type, const char *file, int line_number, const char *format, ...)
{
    static const char *const names[] = {"?", "error", "warn", "info", "debug", "trace", "help"};
    char body[LOG_MESSAGE_BYTES], line[LOG_MESSAGE_BYTES + 32];
    struct timeval now;
    struct tm tm;
    va_list args;

    (void)file, (void)line_number;
    gettimeofday(&now, NULL);
    localtime_r(&now.tv_sec, &tm);
    int head = snprintf(line, sizeof line, "[%d/%02d/%02d %02d:%02d:%02d.%03d] [%5s] ", tm.tm_year + 1900,
                        tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now.tv_usec / 1000),
                        type == 10 ? "debug" : names[type >= 1 && type <= 6 ? type : 0]);
    va_start(args, format);
    vsnprintf(body, sizeof body - head - 2, format, args);
    va_end(args);
    int size = head + snprintf(line + head, sizeof line - head, "%s%s\n", body, ours ? "" : " [foreign thread]");
    /* Fluent Bit knows its log file by the calling thread: others end on stderr. */
    if (write(ours ? log_fd : 2, line, size) < 0) return;
}

int level_number(const char *name)
{
    static const char *const names[] = {"off", "error", "warn", "info", "debug", "trace"};
    for (int i = 0; i < 6; i++)
        if (!strcasecmp(name, names[i])) return i;
    return strcasecmp(name, "warning") ? -1 : LOG_WARN;
}

EXPORT const char *flb_output_name(struct instance *ins) { return ins->alias ? ins->alias : ins->name; }

EXPORT int flb_output_log_check(struct instance *ins, int level) { return level <= ins->log_level; }
