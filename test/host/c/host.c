/*
 * host loads a Go output plugin over the C ABI that Fluent Bit 5.1.1 offers, for tests where no
 * Fluent Bit is installed. It is driven by frames on stdin and answers with frames on stdout (see
 * frame.go for both).
 *
 * Facts come from Fluent Bit's src/flb_plugin_proxy.c, src/proxy/go/go.c, src/flb_output.c,
 * src/flb_api.c, src/flb_log.c and lib/cmetrics. The same as there: one plugin struct for all
 * instances; Init and Exit on the engine's thread; the executable's symbols; of properties the
 * first match wins. A flush runs on a small coroutine stack, on the engine's thread or on a worker
 * chosen in turn. Each worker has a queue of its own, and ends before Exit. Stricter: memory that
 * the plugin may no longer touch is filled with 0xDB, and below each stack lies a page that can't
 * be touched.
 *
 * Threads: main reads frames and loads; "engine" runs Init, Exit and the flushes of instances
 * without workers; `lock` guards the list of instances, their state, and all metrics.
 */
#include "host.h"
#include <fcntl.h>

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
struct instance *instances;
struct proxy *proxies;
struct thread engine;
size_t stack_bytes = 24 * 1024; /* 3/2 of PTHREAD_STACK_MIN, Fluent Bit's own choice before it became at least 64 KB */
int log_fd = 2, log_level = LOG_INFO, frames_in, frames_out;
__thread int ours;

static void dispatch(struct frame *f)
{
    int id = take_u32(f), allowed = 0;
    struct thread *t = &engine;
    struct instance *ins;
    pthread_mutex_lock(&lock);
    for (ins = instances; ins && ins->id != id; ins = ins->next);
    if (ins && f->op == 'I' && (allowed = ins->state == DECLARED)) ins->state = STARTING;
    if (ins && f->op == 'F' && (allowed = ins->state == RUNNING) && ins->workers)
        t = &ins->workers[ins->turn++ % ins->worker_count];
    if (ins && f->op == 'X' && (allowed = ins->state == DECLARED || ins->state == RUNNING)) ins->state = LEAVING;
    pthread_mutex_unlock(&lock);
    if (!allowed) return answer(f, -1, 0, "gone");
    enqueue(t, f, ins);
}

/* host [-s stack bytes] [-l log file] [-v log level] */
static void read_arguments(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "s:l:v:")) != -1;) {
        if (c == 's') stack_bytes = strtoul(optarg, NULL, 10);
        else if (c == 'v') log_level = level_number(optarg);
        else if (c != 'l') _exit(2);
        else if ((log_fd = open(optarg, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600)) < 0) die(optarg);
    }
    if (log_level < 0) _exit(2);
}

int main(int argc, char **argv)
{
    ours = 1;
    read_arguments(argc, argv);
    /* The plugin gets neither end of the conversation: its output goes to stderr. */
    frames_in = fcntl(0, F_DUPFD_CLOEXEC, 3);
    frames_out = fcntl(1, F_DUPFD_CLOEXEC, 3);
    int null = open("/dev/null", O_RDONLY);
    if (frames_in < 0 || frames_out < 0 || null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0) die("file descriptors");
    close(null);
    start_thread(&engine);
    for (struct frame *f; (f = read_frame());) switch (f->op) {
        case 'L': load(f); break;
        case 'U': unload(f); break;
        case 'N': declare(f); break;
        case 'S': scrape(f); break;
        case 'I': case 'F': case 'X': dispatch(f); break;
        default: answer(f, -1, 0, "unknown command");
    }
    _exit(0);
}
