/* Timer slack of Go's threads (docs/adr/0029): Go's runtime wakes a thread for 20 µs naps
 * whenever the process leaves idleness, which a small flush does several times. Linux may defer
 * a timer by its thread's slack, 50 µs by default, and a thread inherits the slack of the one
 * that creates it. So the slack of the thread that loads this shared object is raised before
 * Go's own constructor creates the runtime's first thread, and restored as soon as Fluent Bit
 * calls. Fluent Bit's threads keep theirs. */
#define _GNU_SOURCE
#include "host.h"

#ifdef __linux__
#include <dlfcn.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    long thread; /* that loads; 0: nothing to restore */
    unsigned long before;
} loading;

/* Reports whether this code is part of the program itself, as in tests, which nothing calls to
 * restore the slack. */
static int in_program(void)
{
    Dl_info ours, program;
    return !dladdr(&loading, &ours) || !dladdr((void *) getauxval(AT_ENTRY), &program) || ours.dli_fbase == program.dli_fbase;
}

/* 101 is the first priority that is not the C library's. Go's constructor has none, and those
 * come last. */
__attribute__((constructor(101))) static void raise_slack(void)
{
    int now;

    if (in_program() || (now = prctl(PR_GET_TIMERSLACK)) <= 0 || now >= OUTES_TIMER_SLACK)
        return; /* 0 is a thread with a real-time policy, which has none */
    if (prctl(PR_SET_TIMERSLACK, (unsigned long) OUTES_TIMER_SLACK) == 0) {
        loading.before = (unsigned long) now;
        loading.thread = syscall(SYS_gettid);
    }
}

/* Restores the slack of the thread that loaded the shared object. Called by that thread, before
 * it creates another one; a hot reload calls again, from any thread, and changes nothing. */
void outes_restore_slack(void)
{
    if (loading.thread != 0 && loading.thread == syscall(SYS_gettid)) {
        prctl(PR_SET_TIMERSLACK, loading.before);
        loading.thread = 0;
    }
}
#else
void outes_restore_slack(void) {}
#endif
